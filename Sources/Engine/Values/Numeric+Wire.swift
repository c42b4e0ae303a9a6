import BigInt

extension Numeric {
  /// The sign fields of the wire format; the datum keeps them in the top bits of its header.
  private enum SignField {
    static let positive: UInt16 = 0x0000
    static let negative: UInt16 = 0x4000
    static let nan: UInt16 = 0xC000
    static let positiveInfinity: UInt16 = 0xD000
    static let negativeInfinity: UInt16 = 0xF000
  }

  /// Reads the binary format of `numeric_send`.
  ///
  /// Big-endian int16 fields: count of digits, weight of the first digit, sign, display scale; then
  /// the digits, each 0 to 9999.
  package init(wire bytes: UnsafeRawBufferPointer) throws(ValueFault) {
    let fields = Int16Fields(bytes: bytes, isBigEndian: true)
    guard bytes.count >= 8, bytes.count == 8 + 2 * Int(fields[0]) else { throw .malformedBinary }
    let digits = Base10000(weight: Int(Int16(bitPattern: fields[1])), digits: fields.dropFirst(4))
    try self.init(signField: fields[2], scale: Int(fields[3]), digits: digits)
  }

  /// Reads the body of an on-disk datum, which is what follows the varlena length.
  ///
  /// The host is little-endian. A first word of `10...` starts the short format (sign, 6 bits of
  /// scale, 7 bits of weight), `11...` is NaN or an infinity, and all else the long format (sign
  /// and 14 bits of scale, then the weight).
  package init(datum bytes: UnsafeRawBufferPointer) throws(ValueFault) {
    let fields = Int16Fields(bytes: bytes, isBigEndian: false)
    guard bytes.count >= 2, bytes.count % 2 == 0 else { throw .malformedBinary }
    let header = fields[0]
    switch header & 0xC000 {
    case 0xC000: try self.init(signField: header & 0xF000, scale: 0, digits: nil)
    case 0x8000:
      // The seventh bit of the weight is its sign.
      let weight = Int(header & 0x3F) - (header & 0x40 == 0 ? 0 : 64)
      let sign = header & 0x2000 == 0 ? SignField.positive : SignField.negative
      let digits = Base10000(weight: weight, digits: fields.dropFirst(1))
      try self.init(signField: sign, scale: Int(header >> 7 & 0x3F), digits: digits)
    default:
      guard bytes.count >= 4 else { throw .malformedBinary }
      let weight = Int(Int16(bitPattern: fields[1]))
      let digits = Base10000(weight: weight, digits: fields.dropFirst(2))
      try self.init(signField: header & 0xC000, scale: Int(header & 0x3FFF), digits: digits)
    }
  }

  private init(signField: UInt16, scale: Int, digits: Base10000?) throws(ValueFault) {
    switch signField {
    case SignField.nan: self = .nan
    case SignField.positiveInfinity: self = .infinity
    case SignField.negativeInfinity: self = .negativeInfinity
    case SignField.positive, SignField.negative:
      guard let magnitude = digits, scale <= Self.scaleMax else { throw .malformedBinary }
      let coefficient = try magnitude.coefficient(scale: scale)
      self.init(signField == SignField.negative ? -coefficient : coefficient, scale: scale)
    default: throw .malformedBinary
    }
  }
}

/// Bytes read as 16-bit words.
private struct Int16Fields {
  let bytes: UnsafeRawBufferPointer
  let isBigEndian: Bool

  var count: Int { bytes.count / 2 }

  subscript(index: Int) -> UInt16 {
    let word = bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
    return isBigEndian ? UInt16(bigEndian: word) : UInt16(littleEndian: word)
  }

  func dropFirst(_ count: Int) -> Int16Fields {
    Int16Fields(bytes: .init(rebasing: bytes[(count * 2)...]), isBigEndian: isBigEndian)
  }
}

/// A magnitude as the server keeps it: digits of base 10000, of which the first counts
/// 10000^`weight`.
private struct Base10000 {
  let weight: Int
  let digits: Int16Fields

  private var count: Int { digits.count }

  /// The magnitude times 10^`scale`; digits further down are cut off, as `numeric_recv` does.
  func coefficient(scale: Int) throws(ValueFault) -> WideInteger {
    let shift = scale + 4 * (weight - count + 1)
    let whole = try integer()
    return whole.timesPowerOfTen(shift).dividedByPowerOfTen(-shift, .towardZero)
  }

  /// All digits as one whole number.
  private func integer() throws(ValueFault) -> WideInteger {
    // Nine digits are at most 36 decimal ones.
    guard count <= 9 else { return try bigInteger() }
    var value: Int128 = 0
    for index in 0..<count { value = try value * 10000 + Int128(checkedDigit(index)) }
    return .small(value)
  }

  private func bigInteger() throws(ValueFault) -> WideInteger {
    var decimal: [UInt8] = []
    decimal.reserveCapacity(count * 4)
    for index in 0..<count { decimal.append(decimal: Int(try checkedDigit(index)), width: 4) }
    guard let magnitude = BigUInt(String(decoding: decimal, as: UTF8.self)) else {
      throw .malformedBinary
    }
    return WideInteger(negative: false, magnitude: magnitude)
  }

  private func checkedDigit(_ index: Int) throws(ValueFault) -> UInt16 {
    let value = digits[index]
    guard value < 10000 else { throw .malformedBinary }
    return value
  }
}
