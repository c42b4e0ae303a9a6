import HTTPWire
import Testing

@Suite struct ResponseTests {
  @Test func writesHeadAndBody() {
    var response = Response()
    response.status = .created
    response.addField("Location", "/v1/holds/1")
    response.body.append("{}")
    #expect(
      encoded(response) == """
        HTTP/1.1 201 Created\r\nDate: now\r\nContent-Type: application/json\r\n\
        Content-Length: 2\r\nLocation: /v1/holds/1\r\n\r\n{}
        """)
  }

  @Test func tellsAnAnswerToHeadItsLengthOnly() {
    var response = Response()
    response.body.append("12345")
    let text = encoded(response, omitsBody: true)
    #expect(text.hasSuffix("Content-Length: 5\r\n\r\n"))
  }

  @Test(arguments: [Status.noContent, .notModified, .switchingProtocols])
  func givesABodilessStatusNeitherBodyNorLength(_ status: Status) {
    var response = Response()
    response.status = status
    response.body.append("ignored")
    let text = encoded(response)
    #expect(text.hasSuffix("Date: now\r\n\r\n"))
    #expect(!text.contains("Content-"))
  }

  @Test func tellsHowTheConnectionGoesOnWhereTheVersionDoesNot() {
    let response = Response()
    #expect(!encoded(response, .http11, keepsAlive: true).contains("Connection"))
    #expect(encoded(response, .http11, keepsAlive: false).contains("Connection: close\r\n"))
    #expect(encoded(response, .http10, keepsAlive: true).contains("Connection: keep-alive\r\n"))
    #expect(encoded(response, .http10, keepsAlive: false).contains("Connection: close\r\n"))
  }

  @Test func aFieldValueCannotEndItsLine() {
    var response = Response()
    response.addField("X", "a\r\nSet-Cookie: b\u{0}c")
    let text = encoded(response)
    #expect(text.contains("X: a  Set-Cookie: b c\r\n"))
    #expect(!text.contains("\r\nSet-Cookie"))
  }

  @Test func aResetResponseShowsNothingOfTheLastOne() {
    var response = Response()
    let fresh = encoded(response)
    response.status = .gone
    response.mediaType = .text
    response.addField("X", "y")
    response.body.append("z")
    response.reset()
    #expect(encoded(response) == fresh)
  }

  @Test(arguments: Status.allCases)
  func statusLinesBearTheirCode(_ status: Status) {
    #expect(String(describing: status.line).hasPrefix("\(status.rawValue) "))
  }

  private func encoded(
    _ response: borrowing Response, _ version: HTTPVersion = .http11, keepsAlive: Bool = true,
    omitsBody: Bool = false
  ) -> String {
    var output = ByteBuffer()
    var date = ByteBuffer()
    date.append("Date: now\r\n")
    let framing = Response.Framing(
      version: version, keepsAlive: keepsAlive, omitsBody: omitsBody)
    response.encode(into: &output, framing, dateField: date.view)
    return output.view.string
  }
}
