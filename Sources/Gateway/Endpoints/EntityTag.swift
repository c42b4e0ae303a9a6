import Engine
import HTTPWire

/// A strong tag of an answer's bytes (RFC 9110 8.8.3): it changes only when they do, and is the same on every
/// instance and after a restart.
struct EntityTag {
  /// The tag with its quotes.
  fileprivate let bytes: [UInt8]

  /// Two hashes, so that 128 bits tell bodies apart; their seeds are fixed for the tag to outlive the process.
  private static let hashers = (RowHasher(seed: 0x6f6e_6861), RowHasher(seed: 0x6e64_7461_6773))

  init(of body: ByteView) {
    var bytes: [UInt8] = [UInt8(ascii: "\"")]
    bytes.reserveCapacity(34)
    for hash in [Self.hashers.0.hash(body.bytes), Self.hashers.1.hash(body.bytes)] {
      for shift in stride(from: 60, through: 0, by: -4) {
        let digit = UInt8(truncatingIfNeeded: hash >> UInt64(shift) & 15)
        bytes.append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
      }
    }
    bytes.append(UInt8(ascii: "\""))
    self.bytes = bytes
  }

  /// Tags the response, and makes it 304 if the client has it already.
  func answer(_ request: borrowing Request, _ response: inout Response) {
    // For caches: keep it, and ask each time whether it is still so.
    response.addField("Cache-Control", "no-cache")
    bytes.withUnsafeBytes { tag in
      response.addField("ETag") { $0.append(tag) }
      if request.ifNoneMatch(names: ByteView(tag)) { response.status = .notModified }
    }
  }
}

extension ByteBuffer {
  /// Appends the tag with its quotes.
  mutating func append(_ tag: EntityTag) { tag.bytes.withUnsafeBytes { append($0) } }
}
