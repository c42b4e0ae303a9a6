/// What a response body is.
package struct MediaType: Sendable {
  package let value: StaticString

  package init(_ value: StaticString) {
    self.value = value
  }

  /// Whether it is text, which compression makes several times smaller; pictures, fonts and archives
  /// are compressed already.
  package var isText: Bool {
    let value = ByteView(value)
    if value.hasPrefix("text/") || value.hasPrefix("image/svg") { return true }
    guard value.hasPrefix("application/") else { return false }
    let subtype = value[12..<value.count]
    return Self.textSubtypes.contains { subtype.hasPrefix($0) }
  }

  private static let textSubtypes: [StaticString] = [
    "json", "problem+json", "manifest+json", "yaml", "javascript", "xml", "wasm",
  ]

  package static let json = MediaType("application/json")
  package static let problem = MediaType("application/problem+json")
  package static let text = MediaType("text/plain; charset=utf-8")
  package static let html = MediaType("text/html; charset=utf-8")
  package static let yaml = MediaType("application/yaml")
  package static let eventStream = MediaType("text/event-stream")
}
