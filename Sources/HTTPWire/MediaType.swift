/// What a response body is.
package struct MediaType: Sendable {
  package let value: StaticString

  package init(_ value: StaticString) {
    self.value = value
  }

  package static let json = MediaType("application/json")
  package static let problem = MediaType("application/problem+json")
  package static let text = MediaType("text/plain; charset=utf-8")
  package static let html = MediaType("text/html; charset=utf-8")
  package static let yaml = MediaType("application/yaml")
}
