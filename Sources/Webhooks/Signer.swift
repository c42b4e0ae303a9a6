import COpenSSL
import Engine

/// Signs with OpenSSL.
enum Signer {
  private static func hmac(_ secret: SigningSecret, _ message: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { code, count in
      var length: UInt32 = 0
      HMAC(
        EVP_sha256(), secret.bytes, Int32(secret.bytes.count), message, message.count,
        code.baseAddress, &length)
      count = Int(length)
    }
  }

  /// The headers of Standard Webhooks 1.0.0 for an attempt.
  ///
  /// - Parameters:
  ///   - timestamp: of the attempt, in seconds since 1970.
  ///   - secrets: the newest first.
  static func headers(
    id: String, timestamp: Int64, body: [UInt8], secrets: [SigningSecret]
  ) -> [String] {
    let message = WebhookSignature.prefix(id: id, timestamp: timestamp) + body
    let signature = WebhookSignature.header(secrets.map { hmac($0, message) })
    return [
      "webhook-id: \(id)", "webhook-timestamp: \(timestamp)", "webhook-signature: \(signature)",
    ]
  }

  /// A new secret from the system's randomness.
  static func makeSecret() -> SigningSecret? {
    SigningSecret(bytes: randomBytes(SigningSecret.bytesDefault))
  }

  static func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
      let isFilled = RAND_bytes(bytes.baseAddress, Int32(count)) == 1
      filled = isFilled ? count : 0
    }
  }
}
