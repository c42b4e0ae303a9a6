import COpenSSL
import Engine
import HTTPWire
import Runtime

/// Something that a caller may do.
package enum Right: String, Sendable, CaseIterable {
  case read, hold, admin
}

/// A program that is known by its token.
package struct Caller: Sendable {
  package var name: String
  /// The SHA-256 digest of the token, 32 bytes; the token itself is nowhere.
  package var tokenDigest: [UInt8]
  package var may: Set<Right>
  /// With their schema or without; nil for all.
  package var views: [String]?

  package init(name: String, tokenDigest: [UInt8], may: Set<Right>, views: [String]? = nil) {
    self.name = name
    self.tokenDigest = tokenDigest
    self.may = may
    self.views = views
  }
}

/// What is open to everybody, browsers among them.
package struct PublicAccess: Sendable {
  package struct View: Sendable {
    package var name: String
    /// The columns that the cap is for; nil for all numbers outside of the key.
    package var quantities: [String]?

    package init(name: String, quantities: [String]? = nil) {
      self.name = name
      self.quantities = quantities
    }
  }

  package var views: [View]
  /// The number shown for all quantities above it.
  package var cap: Int64?

  package init(views: [View], cap: Int64? = nil) {
    self.views = views
    self.cap = cap
  }
}

/// Who may ask for what.
struct Permissions: Sendable {
  /// None: only this machine can ask, and may do everything.
  let callers: [Caller]
  let publicAccess: PublicAccess?

  /// Who sends a request, by its `Authorization: Bearer` (RFC 6750 2.1).
  func reader(of request: borrowing Request) throws(Refused) -> Reader {
    guard !callers.isEmpty else { return .everybody }
    guard let field = request.field("authorization") else {
      guard let publicAccess else { throw Refused(.tokenMissing, "send Authorization: Bearer") }
      return .visitor(publicAccess)
    }
    guard let token = Self.bearerToken(field), let caller = caller(with: token.bytes) else {
      throw Refused(.tokenUnknown, "no caller is configured with this token")
    }
    return .caller(caller)
  }

  /// Who opens a WebSocket: by `Authorization`, or by the subprotocol `bearer.` and the token in base64url, since pages
  /// can't set fields. Nil where the client may still tell.
  func reader(ofSocket request: borrowing Request, subprotocols: [String]) throws(Refused)
    -> Reader?
  {
    if !callers.isEmpty, let offered = subprotocols.first(where: { $0.hasPrefix("bearer.") }) {
      guard let token = Base64.url.decode(String(offered.dropFirst("bearer.".count))),
        let caller = caller(with: token)
      else { throw Refused(.tokenUnknown, "no caller is configured with this token") }
      return .caller(caller)
    }
    if !callers.isEmpty, publicAccess == nil, request.field("authorization") == nil { return nil }
    return try reader(of: request)
  }

  func caller(withToken token: String) -> Caller? { caller(with: Array(token.utf8)) }

  private static func bearerToken(_ field: ByteView) -> ByteView? {
    let scheme = "bearer " as StaticString
    let length = scheme.utf8CodeUnitCount
    guard field.count > length, field[0..<length].equalsIgnoringCase(scheme) else { return nil }
    let token = field[length..<field.count].trimmed
    return token.isEmpty ? nil : token
  }

  /// Compares with every caller's digest, in a time that does not depend on where they differ.
  private func caller(with token: some Collection<UInt8>) -> Caller? {
    let digest = Digest.sha256(Array(token))
    var found: Caller?
    for caller in callers where CRYPTO_memcmp(caller.tokenDigest, digest, digest.count) == 0 {
      found = caller
    }
    return found
  }
}
