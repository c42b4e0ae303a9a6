import Glibc

/// A blocking HTTP/1.1 client over one keep-alive connection, opened again when it was closed.
final class HTTPClient {
  struct Response {
    let status: Int
    let fields: [String: String]
    let body: String
  }

  struct Failure: Error { let call: String }

  private let port: UInt16
  private let timeoutMilliseconds: Int
  private var descriptor: Int32 = -1

  /// - Parameter timeoutMilliseconds: after which an answer that does not come is a failure; 0 for none.
  init(port: UInt16, timeoutMilliseconds: Int = 0) throws {
    self.port = port
    self.timeoutMilliseconds = timeoutMilliseconds
    try connect()
  }

  deinit { close(descriptor) }

  func get(_ target: String, headers: [String: String] = [:], method: String = "GET") throws
    -> Response
  {
    let fields = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
    let host = headers.keys.contains("Host") ? "" : "Host: localhost:\(port)\r\n"
    try send("\(method) \(target) HTTP/1.1\r\n\(host)\(fields)\r\n")
    return try read(hasBody: method != "HEAD")
  }

  /// Sends JSON.
  func post(_ target: String, _ body: String, headers: [String: String] = [:]) throws -> Response {
    let type = headers.keys.contains("Content-Type") ? "" : "Content-Type: application/json\r\n"
    let fields = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
    try send(
      "POST \(target) HTTP/1.1\r\nHost: localhost:\(port)\r\n\(type)\(fields)"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    return try read(hasBody: true)
  }

  /// Sends any method, with JSON or nothing.
  func send(_ method: String, _ target: String, json: String? = nil) throws -> Response {
    let fields =
      json.map { "Content-Type: application/json\r\nContent-Length: \($0.utf8.count)\r\n" } ?? ""
    try send(
      "\(method) \(target) HTTP/1.1\r\nHost: localhost:\(port)\r\n\(fields)\r\n\(json ?? "")")
    return try read(hasBody: method != "HEAD")
  }

  private func connect() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw Failure(call: "connect") }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    var limit = timeval(
      tv_sec: timeoutMilliseconds / 1_000, tv_usec: timeoutMilliseconds % 1_000 * 1_000)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  private func send(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let sent = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard sent > 0 else { throw Failure(call: "send") }
      bytes = bytes.dropFirst(sent)
    }
  }

  private func read(hasBody: Bool) throws -> Response {
    var received: [UInt8] = []
    while true {
      if let head = Self.headEnd(received) {
        let response = Self.parse(String(decoding: received[..<head], as: UTF8.self))
        let length = hasBody ? response.fields["content-length"].flatMap { Int($0) } ?? 0 : 0
        while received.count < head + 4 + length { try receive(&received) }
        let body = received[(head + 4)..<(head + 4 + length)]
        return Response(
          status: response.status, fields: response.fields,
          body: String(decoding: body, as: UTF8.self))
      }
      try receive(&received)
    }
  }

  private func receive(_ received: inout [UInt8]) throws {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else { throw Failure(call: "recv") }
    received.append(contentsOf: buffer[..<count])
  }

  private static func headEnd(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 4 else { return nil }
    return (0...(bytes.count - 4)).first { bytes[$0..<($0 + 4)].elementsEqual("\r\n\r\n".utf8) }
  }

  private static func parse(_ head: String) -> (status: Int, fields: [String: String]) {
    // A line end is one character to Swift.
    let lines = head.split(separator: "\r\n")
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      fields[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].dropFirst()) : ""
    }
    return (lines.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0, fields)
  }
}

/// Lets other work go on for a moment, in tests that wait for something outside.
func pause(milliseconds: UInt32 = 10) { usleep(milliseconds * 1000) }
