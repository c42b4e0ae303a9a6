/// A symmetric secret of Standard Webhooks 1.0.0: 24 to 64 bytes, written `whsec_` and base64.
///
/// Prints as nothing, so that no log shows it by accident.
package struct SigningSecret: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  package let bytes: [UInt8]

  package static let prefix = "whsec_"
  package static let bytesRange = 24...64
  /// What a new secret has.
  package static let bytesDefault = 32

  package init?(bytes: [UInt8]) {
    guard Self.bytesRange.contains(bytes.count) else { return nil }
    self.bytes = bytes
  }

  package init?(text: String) {
    guard text.hasPrefix(Self.prefix),
      let bytes = Base64.standard.decode(String(text.dropFirst(Self.prefix.utf8.count)))
    else { return nil }
    self.init(bytes: bytes)
  }

  /// For the owner of the endpoint, once, and for the database.
  package var revealed: String { Self.prefix + Base64.standard.encode(bytes) }

  package var description: String { "\(Self.prefix)***" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What Standard Webhooks 1.0.0 signs and how it writes the result.
package enum WebhookSignature {
  /// `id.timestamp.` , behind which the body follows.
  ///
  /// - Parameter timestamp: of the attempt, in seconds since 1970.
  package static func prefix(id: String, timestamp: Int64) -> [UInt8] {
    Array("\(id).\(timestamp).".utf8)
  }

  /// The value of `webhook-signature`: one entry for each secret that is valid, apart by spaces.
  package static func header(_ codes: [[UInt8]]) -> String {
    codes.map { "v1,\(Base64.standard.encode($0))" }.joined(separator: " ")
  }
}
