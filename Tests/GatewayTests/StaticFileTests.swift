import Foundation
import HTTPWire
import Server
import Testing

@testable import Gateway

/// Files of a folder over a socket.
@Suite struct StaticFileTests {
  @Test(arguments: [
    ("/", "front", "text/html; charset=utf-8"),
    ("/index.html", "front", "text/html; charset=utf-8"),
    ("/sub/", "sub", "text/html; charset=utf-8"),
    ("/sub/page.html?x=1", "page", "text/html; charset=utf-8"),
    ("/a%20b.txt", "spaced", "text/plain; charset=utf-8"),
    ("/%C3%BC.json", "{}", "application/json"),
    ("/%61pp.CSS", "css", "text/css; charset=utf-8"),
    ("/noend", "?", "application/octet-stream"),
    ("/empty.txt", "", "text/plain; charset=utf-8"),
    ("/inward.txt", "spaced", "text/plain; charset=utf-8"),
    ("/.well-known/security.txt", "contact", "text/plain; charset=utf-8"),
  ])
  func aFileIsServedAsWhatItIs(_ target: String, _ body: String, _ type: String) async throws {
    try await serve { client in
      let answer = try client.get(target)
      #expect(answer.status == 200)
      #expect(answer.body == body)
      if !body.isEmpty { #expect(answer.fields["content-type"] == type) }
      #expect(answer.fields["x-content-type-options"] == "nosniff")
    }
  }

  @Test(arguments: [
    "/../secret.txt", "/%2e%2e/secret.txt", "/.%2E/secret.txt", "/sub/../../secret.txt",
    "/sub/..%2f..%2fsecret.txt", "/..%2fsecret.txt", "/..%5csecret.txt", "//secret.txt",
    "/sub/../index.html", "/./index.html", "/sub//page.html", "/index.html/", "/index.html%00",
    "/index.html%00.png", "/%2findex.html", "/outward.txt", "/away/secret.txt", "/away/",
    "/.hidden", "/.git/config", "/sub/.hidden", "/pipe", "/loop", "/absent", "/sub/absent.html",
    "/%", "/%zz", "/%ff", "/\u{5c}..\u{5c}secret.txt", "/....//secret.txt",
    "/%252e%252e/secret.txt",
    "/big.bin", "/device",
  ])
  func nothingElseIsServed(_ target: String) async throws {
    try await serve { client in
      let answer = try client.get(target)
      #expect(answer.status == 404)
      #expect(answer.body.contains("\"code\":\"not_found\""))
      #expect(!answer.body.contains("secret"))
    }
  }

  @Test func aFolderIsFoundBehindASlash() async throws {
    try await serve { client in
      let answer = try client.get("/sub?a=b")
      #expect(answer.status == 301)
      #expect(answer.fields["location"] == "/sub/?a=b")
    }
  }

  @Test func aFileThatAClientHasIsNotSentAgainUntilItChanges() async throws {
    try await serveFolder { client, folder in
      let tag = try #require(try client.get("/index.html").fields["etag"])
      #expect(tag.hasPrefix("\"") && tag.count == 34)
      let current = try client.get("/index.html", headers: ["If-None-Match": "\"x\", \(tag)"])
      #expect(current.status == 304)
      #expect(current.fields["etag"] == tag)
      #expect(current.fields["content-length"] == nil)
      try "other".write(toFile: "\(folder)/site/index.html", atomically: true, encoding: .utf8)
      let changed = try client.get("/index.html", headers: ["If-None-Match": tag])
      #expect(changed.status == 200)
      #expect(changed.body == "other")
      #expect(changed.fields["etag"] != tag)
    }
  }

  @Test func aPartOfAFileIsSent() async throws {
    try await serve { client in
      let whole = try client.get("/app.js")
      #expect(whole.fields["accept-ranges"] == "bytes")
      let part = try client.get(
        "/app.js", headers: ["Range": "bytes=10-19", "Accept-Encoding": "gzip"])
      #expect(part.status == 206)
      #expect(part.fields["content-range"] == "bytes 10-19/50000")
      #expect(part.fields["content-encoding"] == nil)
      #expect(part.fields["etag"] == whole.fields["etag"])
      #expect(part.body == String(whole.body.dropFirst(10).prefix(10)))
      let changed = try client.get(
        "/app.js", headers: ["Range": "bytes=10-19", "If-Range": "\"old\""])
      #expect(changed.status == 200)
      #expect(changed.body == whole.body)
      let none = try client.get("/app.js", headers: ["Range": "bytes=50000-"])
      #expect(none.status == 416)
      #expect(none.fields["content-range"] == "bytes */50000")
      #expect(none.body.contains("range_not_satisfiable"))
    }
  }

  @Test func headTellsWhatGetWouldHave() async throws {
    try await serve { client in
      for target in ["/app.js", "/", "/sub", "/absent"] {
        let get = try client.get(target)
        let head = try client.get(target, method: "HEAD")
        #expect(head.status == get.status)
        #expect(head.fields.filter { $0.key != "date" } == get.fields.filter { $0.key != "date" })
      }
    }
  }

  @Test func aLargeTextIsCompressedForWhoAcceptsIt() async throws {
    try await serve { client in
      let plain = try client.get("/app.js")
      let compressed = try client.get("/app.js", headers: ["Accept-Encoding": "gzip, br"])
      #expect(compressed.fields["content-encoding"] == "gzip")
      #expect(compressed.fields["etag"] == "W/" + (plain.fields["etag"] ?? ""))
      #expect(plain.fields["vary"] == "Accept-Encoding")
      let current = try client.get(
        "/app.js",
        headers: ["Accept-Encoding": "gzip", "If-None-Match": compressed.fields["etag"] ?? ""])
      #expect(current.status == 304)
      #expect(current.fields["etag"] == compressed.fields["etag"])
    }
  }

  @Test func aFolderThatIsNotThereIsRefused() {
    var configuration = Configuration()
    #expect(throws: ConfigurationReader.Failure.self) {
      try configuration.setWeb("/nonexistent-\(UUID().uuidString)")
    }
    #expect(throws: ConfigurationReader.Failure.self) { try configuration.setWeb("/etc/passwd") }
  }

  private func serve(_ body: (HTTPClient) throws -> Void) async throws {
    try await serveFolder { client, _ in try body(client) }
  }

  /// Serves `site` in a folder of its own, with things beside it that must not be reached.
  private func serveFolder(
    _ body: (HTTPClient, _ folder: String) throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/onhand-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Self.write(folder)
    let handler = FileHandler(files: StaticFiles(web: "\(folder)/site", contract: nil))
    let server = try Server(ServerConfiguration(), handler)
    let outcome = Result { try body(HTTPClient(port: server.port), folder) }
    await withCheckedContinuation { done in server.drain(within: .zero) { _ in done.resume() } }
    try outcome.get()
  }

  private static func write(_ folder: String) throws {
    let files = FileManager.default
    let site = "\(folder)/site"
    for name in ["sub", ".well-known", ".git"] {
      try files.createDirectory(atPath: "\(site)/\(name)", withIntermediateDirectories: true)
    }
    let contents = [
      "secret.txt": "secret", "site/index.html": "front", "site/sub/index.html": "sub",
      "site/sub/page.html": "page", "site/a b.txt": "spaced", "site/ü.json": "{}",
      "site/app.CSS": "css", "site/noend": "?", "site/empty.txt": "", "site/.hidden": "secret",
      "site/sub/.hidden": "secret", "site/.git/config": "secret",
      "site/.well-known/security.txt": "contact",
      "site/app.js": String(repeating: "0123456789", count: 5_000), "site/big.bin": "",
    ]
    for (name, text) in contents {
      try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
    }
    truncate("\(site)/big.bin", 16_777_217)
    mkfifo("\(site)/pipe", 0o600)
    symlink("a b.txt", "\(site)/inward.txt")
    symlink("../secret.txt", "\(site)/outward.txt")
    symlink(folder, "\(site)/away")
    symlink("loop", "\(site)/loop")
    symlink("/dev/zero", "\(site)/device")
  }
}

private struct FileHandler: RequestHandler {
  let files: StaticFiles

  func handle(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) -> Outcome {
    do throws(Refused) {
      guard try files.answer(request, &response) else { throw Refused(.notFound, "") }
    } catch {
      error.problem.write(error.detail, to: &response)
    }
    return .respond
  }
}
