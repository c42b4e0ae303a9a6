import HTTPWire

extension MediaType {
  /// What a file is, told by how its name ends.
  init(fileName: String) {
    let suffix = fileName.split(separator: ".").last?.lowercased() ?? ""
    self = Self.bySuffix[suffix] ?? MediaType("application/octet-stream")
  }

  private static let bySuffix: [String: MediaType] = [
    "avif": MediaType("image/avif"),
    "css": MediaType("text/css; charset=utf-8"),
    "csv": MediaType("text/csv; charset=utf-8"),
    "gif": MediaType("image/gif"),
    "htm": .html,
    "html": .html,
    "ico": MediaType("image/x-icon"),
    "jpeg": MediaType("image/jpeg"),
    "jpg": MediaType("image/jpeg"),
    "js": MediaType("text/javascript; charset=utf-8"),
    "json": .json,
    "map": .json,
    "md": MediaType("text/markdown; charset=utf-8"),
    "mjs": MediaType("text/javascript; charset=utf-8"),
    "mp3": MediaType("audio/mpeg"),
    "mp4": MediaType("video/mp4"),
    "otf": MediaType("font/otf"),
    "pdf": MediaType("application/pdf"),
    "png": MediaType("image/png"),
    "svg": MediaType("image/svg+xml"),
    "ttf": MediaType("font/ttf"),
    "txt": .text,
    "wasm": MediaType("application/wasm"),
    "webm": MediaType("video/webm"),
    "webmanifest": MediaType("application/manifest+json"),
    "webp": MediaType("image/webp"),
    "woff": MediaType("font/woff"),
    "woff2": MediaType("font/woff2"),
    "xml": MediaType("application/xml"),
    "yaml": .yaml,
    "yml": .yaml,
  ]
}
