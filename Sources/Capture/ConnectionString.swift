import CPostgres

/// A libpq connection string or URI, checked before it is used: libpq quotes what it can't read, which may be a password.
package struct ConnectionString: Sendable {
  package let text: String
  /// The user's own `options`, which ours are added to.
  let options: String

  /// - Returns: nil if libpq can't read `text`, or would read a part of a password as a host.
  package init?(_ text: String) {
    if let authority = Self.authority(text), authority.count(where: { $0 == "@" }) > 1 {
      return nil
    }
    var message: UnsafeMutablePointer<CChar>?
    guard let parsed = PQconninfoParse(text, &message) else {
      PQfreemem(message)
      return nil
    }
    defer { PQconninfoFree(parsed) }
    self.text = text
    var options = ""
    var option = parsed
    while let keyword = option.pointee.keyword {
      if String(cString: keyword) == "options", let value = option.pointee.val {
        options = String(cString: value)
      }
      option += 1
    }
    self.options = options
  }

  /// What stands between `://` and the path of a URI.
  private static func authority(_ text: String) -> Substring? {
    for scheme in ["postgres://", "postgresql://"] where text.hasPrefix(scheme) {
      return text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
    }
    return nil
  }
}
