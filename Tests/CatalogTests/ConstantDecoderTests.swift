import Engine
import TestSupport
import Testing

@testable import Catalog

@Suite struct ConstantDecoderTests {
  private typealias Value = Expression.Constant.Value

  private func decode(_ bytes: [UInt8], _ type: ColumnType) -> Value? {
    ConstantDecoder.decode(bytes, type, enumLabels: [7: "in"])
  }

  private func word(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: Int64(truncatingIfNeeded: value).littleEndian) { Array($0) }
  }

  /// With the length header of 4 bytes that constants carry.
  private func long(_ body: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32((body.count + 4) << 2).littleEndian) { Array($0) } + body
  }

  private func short(_ body: [UInt8]) -> [UInt8] { [UInt8((body.count + 1) << 1 | 1)] + body }

  @Test func wordsKeepTheirSign() {
    for value in [0, 1, -1, -7, Int(Int16.min), Int(Int16.max)] {
      for type in [ColumnType.int2, .int4, .int8, .date, .timestamp, .timestamptz] {
        #expect(decode(word(value), type) == .word(Int64(value)), "\(type) \(value)")
      }
    }
    #expect(decode(word(Int32.min), .int4) == .word(Int64(Int32.min)))
    #expect(decode(word(Int64.min), .int8) == .word(.min))
    // What lies above the width is not part of the value.
    #expect(decode([1, 0, 9, 9, 9, 9, 9, 9], .int2) == .word(1))
    #expect(decode(word(1), .bool) == .word(1))
    #expect(decode(word(0), .bool) == .word(0))
  }

  @Test func floatsBecomeDoubles() {
    let half = Int64(bitPattern: (-0.5).bitPattern)
    #expect(decode(word(half), .float8) == .word(half))
    #expect(decode(word(Int64(Float(-0.5).bitPattern)), .float4) == .word(half))
  }

  @Test func bodiesLoseEitherHeader() {
    let text = Array("größe".utf8)
    for type in [ColumnType.text, .bpchar, .json] {
      #expect(decode(long(text), type) == .bytes(text))
      #expect(decode(short(text), type) == .bytes(text))
      #expect(decode(long([]), type) == .bytes([]))
    }
  }

  @Test func numericsAreRead() throws {
    // -1.50 in the short format: sign, scale 2, weight 0, digits 1 and 5000.
    let body: [UInt8] = [0x00, 0xA1, 0x01, 0x00, 0x88, 0x13]
    var expected: [UInt8] = []
    try #require(Numeric("-1.50")).encode(into: &expected)
    #expect(decode(long(body), .numeric) == .bytes(expected))
    #expect(decode(short(body), .numeric) == .bytes(expected))
  }

  @Test func enumsAreTheirLabels() {
    #expect(decode(word(7), .enumeration) == .bytes(Array("in".utf8)))
    #expect(decode(word(8), .enumeration) == nil)
  }

  @Test func lengthsThatLieAreRefused() {
    #expect(decode([], .text) == nil)
    #expect(decode([0xFC, 0, 0, 0, 1], .text) == nil)
    #expect(decode([4, 0, 0, 0], .text) == nil, "shorter than its header")
    #expect(decode([0x21, 1, 2], .text) == nil)
    #expect(decode([1], .text) == nil, "out of line")
    #expect(decode([0x12, 0, 0, 0, 9], .text) == nil, "compressed")
    #expect(decode([1, 2, 3], .int4) == nil)
    #expect(decode([UInt8](repeating: 0, count: 15), .uuid) == nil)
    #expect(decode(long([1]), .numeric) == nil)
  }

  /// An array of one dimension, its elements aligned as `type` is in memory.
  private func array(_ elements: [[UInt8]], oid: UInt32, align: Int) -> [UInt8] {
    var content: [UInt8] = []
    for value in [1, 0, Int(oid), elements.count, 1] {
      content += withUnsafeBytes(of: UInt32(value).littleEndian) { Array($0) }
    }
    for element in elements {
      while (content.count + 4) % align != 0 { content.append(0) }
      content += element
    }
    return long(content)
  }

  private func elements(_ bytes: [UInt8]) -> [Value]? {
    ConstantDecoder.decodeArray(bytes, { ColumnType(oid: $0) }, enumLabels: [:])?.1
  }

  @Test func arraysOfEveryAlignmentAreRead() {
    let texts = ["a", "", "four", "größe"].map { Array($0.utf8) }
    #expect(elements(array(texts.map(long), oid: 25, align: 4)) == texts.map { .bytes($0) })
    let ints = [1, -3, 70_000].map { Array(word($0).prefix(4)) }
    #expect(elements(array(ints, oid: 23, align: 4)) == [.word(1), .word(-3), .word(70_000)])
    let smalls = [5, -5, 6].map { Array(word($0).prefix(2)) }
    #expect(elements(array(smalls, oid: 21, align: 2)) == [.word(5), .word(-5), .word(6)])
    #expect(elements(array([word(1), word(-9)], oid: 20, align: 8)) == [.word(1), .word(-9)])
    #expect(elements(array([[1], [0]], oid: 16, align: 1)) == [.word(1), .word(0)])
  }

  @Test func anEmptyArrayHasNoElements() {
    let none = long([0, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0])
    #expect(elements(none) == [])
  }

  @Test func cutOrDamagedArraysNeverCrash() {
    var random = SeededRandom()
    let whole = array(["a", "longer"].map { long(Array($0.utf8)) }, oid: 25, align: 4)
    for length in 0..<whole.count { #expect(elements(Array(whole.prefix(length))) == nil) }
    var outcomes: Set<Bool> = []
    for _ in 0..<5_000 {
      var damaged = whole
      damaged[random.number(0...whole.count - 1)] = UInt8.random(in: 0...255, using: &random)
      outcomes.insert(elements(damaged) != nil)
    }
    #expect(outcomes == [true, false])
  }
}
