import BigInt

extension Numeric {
  /// The first byte of an encoded value.
  private enum Header: UInt8 {
    case positive = 0
    case negative
    case nan
    case positiveInfinity
    case negativeInfinity
  }

  /// Appends the value in the form of the engine's state rows.
  ///
  /// One byte of sign or kind, two bytes of scale, then the coefficient's magnitude in as few bytes
  /// as it needs, none for zero; all little-endian. The length is not part of it.
  package func encode(into sink: inout some ByteSink) {
    sink.append(header.rawValue)
    sink.append(UInt8(truncatingIfNeeded: scale))
    sink.append(UInt8(truncatingIfNeeded: scale >> 8))
    switch body {
    case .finite(.packed(let packed)):
      let coefficient = packed.int128
      let magnitude = coefficient.magnitude.littleEndian
      let count = (128 - coefficient.magnitude.leadingZeroBitCount + 7) / 8
      withUnsafeBytes(of: magnitude) {
        sink.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[..<count]))
      }
    case .finite(.big(let coefficient)):
      let count = (coefficient.magnitude.bitWidth + 7) / 8
      let words = coefficient.magnitude.words.map(\.littleEndian)
      words.withUnsafeBytes {
        sink.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[..<count]))
      }
    case .nan, .positiveInfinity, .negativeInfinity: break
    }
  }

  /// Reads what `encode(into:)` wrote; nil where the bytes are not that.
  package init?(encoded bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 3, let header = Header(rawValue: bytes[0]) else { return nil }
    let scale = Int(bytes[1]) | Int(bytes[2]) << 8
    guard scale <= Self.scaleMax else { return nil }
    switch header {
    case .positive, .negative:
      let magnitude = UnsafeRawBufferPointer(rebasing: bytes[3...])
      self.init(
        Self.coefficient(littleEndian: magnitude, isNegative: header == .negative), scale: scale)
    case .nan: self = .nan
    case .positiveInfinity: self = .infinity
    case .negativeInfinity: self = .negativeInfinity
    }
  }

  private var header: Header {
    switch body {
    case .finite(let coefficient): coefficient.signum < 0 ? .negative : .positive
    case .nan: .nan
    case .positiveInfinity: .positiveInfinity
    case .negativeInfinity: .negativeInfinity
    }
  }

  private static func coefficient(littleEndian bytes: UnsafeRawBufferPointer, isNegative: Bool)
    -> WideInteger
  {
    guard bytes.count <= 16 else {
      return WideInteger(negative: isNegative, magnitude: BigUInt(littleEndian: bytes))
    }
    var magnitude: UInt128 = 0
    withUnsafeMutableBytes(of: &magnitude) { $0.copyMemory(from: bytes) }
    magnitude = UInt128(littleEndian: magnitude)
    guard let positive = Int128(exactly: magnitude) else {
      return WideInteger(negative: isNegative, magnitude: BigUInt(uint128: magnitude))
    }
    return .small(isNegative ? -positive : positive)
  }
}

extension BigUInt {
  fileprivate init(littleEndian bytes: UnsafeRawBufferPointer) {
    var words = [UInt](repeating: 0, count: (bytes.count + 7) / 8)
    words.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
    self.init(words: words.map(UInt.init(littleEndian:)))
  }
}
