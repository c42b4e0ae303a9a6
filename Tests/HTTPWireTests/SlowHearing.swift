import HTTPCorpus
import HTTPWire

/// What a server hears of a client's bytes, by the letter of RFC 6455 and with everything copied: beside it the decoder's speed
/// is proven right.
struct SlowHearing {
  private(set) var hearing = Hearing()
  private var rest: [UInt8]
  private let limits: MessageLimits
  private let allowsCompression: Bool
  private var fragments: [[UInt8]] = []
  private var kind: (isText: Bool, isCompressed: Bool)?

  init(_ bytes: [UInt8], _ limits: MessageLimits, allowsCompression: Bool) {
    rest = bytes
    self.limits = limits
    self.allowsCompression = allowsCompression
    do throws(WebSocketFault) {
      while try hearFrame() {}
    } catch {
      hearing.fault = error
    }
  }

  private mutating func take(_ count: Int) -> [UInt8] {
    defer { rest.removeFirst(count) }
    return Array(rest.prefix(count))
  }

  private mutating func hearFrame() throws(WebSocketFault) -> Bool {
    guard rest.count >= 1 else { return false }
    let (isFinal, reserved, opcode) = (rest[0] >= 128, rest[0] / 16 % 8, rest[0] % 16)
    if reserved % 4 != 0 { throw .reservedBits }
    guard [0, 1, 2, 8, 9, 10].contains(opcode) else { throw .opcodeUnknown }
    if reserved == 4, !allowsCompression || ![1, 2].contains(opcode) { throw .reservedBits }
    if opcode >= 8, !isFinal { throw .controlFragmented }
    guard rest.count >= 2 else { return false }
    if rest[1] < 128 { throw .maskMissing }
    let short = Int(rest[1] % 128)
    if opcode >= 8, short > 125 { throw .controlTooLong }
    let lengthBytes = short == 126 ? 2 : short == 127 ? 8 : 0
    guard rest.count >= 6 + lengthBytes else { return false }
    var length = UInt64(short)
    if lengthBytes > 0 { length = rest[2..<2 + lengthBytes].reduce(0) { $0 << 8 | UInt64($1) } }
    if length >= 1 << 63 { throw .lengthInvalid }
    if lengthBytes == 2, length < 126 { throw .lengthNotMinimal }
    if lengthBytes == 8, length < 65_536 { throw .lengthNotMinimal }
    _ = take(2 + lengthBytes)
    let mask = take(4)
    if opcode < 8 { try begin(opcode, reserved, length) }
    let isWhole = UInt64(rest.count) >= length
    let payload = take(Int(min(length, UInt64(rest.count)))).enumerated().map { $1 ^ mask[$0 % 4] }
    if opcode < 8 {
      try hear(data: payload, isEnd: isFinal && isWhole)
    } else if isWhole {
      try hear(control: payload, opcode)
    }
    return isWhole
  }

  private mutating func begin(
    _ opcode: UInt8, _ reserved: UInt8, _ length: UInt64
  ) throws(WebSocketFault) {
    if opcode == 0 {
      if kind == nil { throw .continuationUnexpected }
      if fragments.count == limits.fragmentsMax { throw .fragmentsTooMany }
    } else {
      if kind != nil { throw .messageInterrupted }
      kind = (opcode == 1, reserved == 4)
    }
    let before = fragments.reduce(0) { $0 + $1.count }
    if length + UInt64(before) > UInt64(limits.messageBytesMax) { throw .messageTooBig }
    fragments.append([])
  }

  private mutating func hear(data: [UInt8], isEnd: Bool) throws(WebSocketFault) {
    guard let kind else { return }
    fragments[fragments.count - 1] += data
    let message = fragments.flatMap { $0 }
    if kind.isText, !kind.isCompressed {
      guard Self.mayBegin(message), !isEnd || Self.isText(message) else { throw .textInvalid }
    }
    guard isEnd else { return }
    hearing.events.append(
      .message(message, isText: kind.isText, isCompressed: kind.isCompressed))
    (self.kind, fragments) = (nil, [])
  }

  private mutating func hear(control payload: [UInt8], _ opcode: UInt8) throws(WebSocketFault) {
    switch opcode {
    case 9: hearing.events.append(.ping(payload))
    case 10: hearing.events.append(.pong)
    default:
      guard !payload.isEmpty else { return hearing.events.append(.close(nil)) }
      guard payload.count >= 2 else { throw .closePayloadInvalid }
      let code = UInt16(payload[0]) * 256 + UInt16(payload[1])
      let isUsual = [1000, 1001, 1002, 1003].contains(code) || (1007...1014).contains(code)
      guard isUsual || (3000...4999).contains(code) else { throw .closeCodeInvalid }
      guard Self.isText(Array(payload[2...])) else { throw .textInvalid }
      hearing.events.append(.close(code))
    }
  }

  static func isText(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

  /// Whether `bytes` could be the beginning of text.
  static func mayBegin(_ bytes: [UInt8]) -> Bool {
    (0...3).contains { dropped in
      dropped <= bytes.count && isText(Array(bytes.dropLast(dropped)))
        && (dropped == 0 || beginnings.contains(Array(bytes.suffix(dropped))))
    }
  }

  /// All beginnings of characters of more than one byte. The last byte of a character is free, so every 64th shows them.
  private static let beginnings: Set<[UInt8]> = {
    var beginnings: Set<[UInt8]> = []
    for value in stride(from: UInt32(0x80), through: 0x10FFFF, by: 64) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let bytes = Array(UTF8.encode(scalar)!)
      for count in 1..<bytes.count { beginnings.insert(Array(bytes.prefix(count))) }
    }
    return beginnings
  }()
}
