import Foundation
import HTTPWire

/// The files of the board and the contract, read once at start.
struct StaticFiles: Sendable {
  private struct File: Sendable {
    let path: String
    let bytes: [UInt8]
    let mediaType: MediaType
  }

  private let files: [File]

  /// What a page of ours may weigh; more is not read.
  private static let fileBytesMax = 4 << 20

  private static let mediaTypes: [String: MediaType] = [
    "html": .html, "css": MediaType("text/css; charset=utf-8"),
    "js": MediaType("text/javascript; charset=utf-8"), "svg": MediaType("image/svg+xml"),
    "yaml": .yaml, "json": .json, "txt": .text,
  ]

  /// - Parameter assets: a folder with `web-static`, whose files are served at `/` and `index.html` also as `/`,
  ///   and `openapi/openapi.yaml`; nil for none.
  init(_ assets: String?) {
    guard let assets else {
      files = []
      return
    }
    let web = "\(assets)/web-static"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: web)) ?? []
    var files = names.sorted().compactMap { Self.read("\(web)/\($0)", as: "/\($0)") }
    if let index = files.first(where: { $0.path == "/index.html" }) {
      files.append(File(path: "/", bytes: index.bytes, mediaType: index.mediaType))
    }
    if let contract = Self.read("\(assets)/openapi/openapi.yaml", as: "/openapi.yaml") {
      files.append(contract)
    }
    self.files = files
  }

  private static func read(_ file: String, as path: String) -> File? {
    let suffix = file.split(separator: ".").last.map(String.init) ?? ""
    guard let type = mediaTypes[suffix], let data = FileManager.default.contents(atPath: file),
      data.count <= fileBytesMax
    else { return nil }
    return File(path: path, bytes: Array(data), mediaType: type)
  }

  /// Fills in the file at `path`; false if there is none.
  func answer(_ path: ByteView, _ response: inout Response) -> Bool {
    guard let file = files.first(where: { $0.path.utf8.elementsEqual(path.bytes) }) else {
      return false
    }
    response.mediaType = file.mediaType
    response.addField("Cache-Control", "no-cache")
    response.addField("X-Content-Type-Options", "nosniff")
    file.bytes.withUnsafeBytes { response.body.append($0) }
    return true
  }
}
