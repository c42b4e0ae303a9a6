/// What a `webhook-id` is a hash of: the same delivery has the same id, whoever sends it and however often.
package enum DeliveryIdentity {
  /// Unambiguous bytes of epoch, position, endpoint, view and key.
  package static func bytes(
    _ position: Position, endpoint: String, view: String, key: some Collection<UInt8>
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    append(position.epoch.id.utf8, to: &bytes)
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: position.lsn.value >> UInt64(shift)))
    }
    append(endpoint.utf8, to: &bytes)
    append(view.utf8, to: &bytes)
    append(key, to: &bytes)
    return bytes
  }

  /// The id for the digest of those bytes; of a batch, for the digest of all its members' bytes one after the other.
  ///
  /// 128 bits of SHA-256, so that nobody who chooses keys can make two deliveries look like one.
  package static func text(digest: [UInt8]) -> String {
    "msg_" + HexText.encode(digest.prefix(16))
  }

  private static func append(_ part: some Collection<UInt8>, to bytes: inout [UInt8]) {
    let count = UInt32(part.count)
    for shift in [24, 16, 8, 0] as [UInt32] {
      bytes.append(UInt8(truncatingIfNeeded: count >> shift))
    }
    bytes.append(contentsOf: part)
  }
}
