import CLinux
import Glibc

/// A client that does exactly what it is told, with blocking calls that give up after some seconds.
final class TestClient {
  private let descriptor: Int32
  private var unread: [UInt8] = []
  private var isOpen = true

  /// So long that only a server that does nothing reaches it.
  private static let patienceSeconds = 20

  enum Failure: Error {
    case connect(Int32)
    case send(Int32)
    case receive(Int32)
    case endedEarly(String)
    case malformed(String)
  }

  init(port: UInt16, receiveBufferBytes: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if let receiveBufferBytes {
      _ = clinux_set_option(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBufferBytes)
    }
    _ = clinux_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(
        descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Failure.connect(errno) }
  }

  deinit {
    close()
  }

  func close() {
    if isOpen { Glibc.close(descriptor) }
    isOpen = false
  }

  /// Closes with a reset.
  func reset() {
    _ = clinux_reset_on_close(descriptor)
    close()
  }

  func finishSending() {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  func send(_ text: String) throws {
    try send(Array(text.utf8))
  }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Failure.send(errno) }
      sent += count
    }
  }

  /// The next answer. Its body is left out where the request was HEAD.
  func receive(toHead: Bool = false) throws -> TestResponse {
    while true {
      if let response = try TestResponse(&unread, toHead: toHead) { return response }
      guard try receiveSome() else {
        throw Failure.endedEarly(String(decoding: unread, as: UTF8.self))
      }
    }
  }

  /// The head of the next answer, whose body is read by other means.
  func receiveHead() throws -> TestResponse { try receive(toHead: true) }

  /// Whether the server has ended the connection, with nothing more to read.
  func hasEnded() throws -> Bool {
    guard unread.isEmpty else { return false }
    do {
      return try !receiveSome()
    } catch Failure.receive(ECONNRESET) {
      return true
    }
  }

  /// Whether the server has ended the connection as one does who has nothing more to say.
  func hasEndedCleanly() throws -> Bool {
    guard unread.isEmpty else { return false }
    return try !receiveSome()
  }

  /// Reads `count` bytes, or what comes before the end.
  func receive(bytes count: Int) throws -> Int {
    while unread.count < count, try receiveSome() {}
    defer { unread.removeFirst(min(count, unread.count)) }
    return min(count, unread.count)
  }

  /// The next `count` bytes.
  func take(_ count: Int) throws -> [UInt8] {
    while unread.count < count {
      guard try receiveSome() else {
        throw Failure.endedEarly(String(decoding: unread, as: UTF8.self))
      }
    }
    defer { unread.removeFirst(count) }
    return Array(unread[..<count])
  }

  /// Reads to the end, and tells how much came.
  func drainBytes() -> Int {
    while (try? receiveSome()) == true {}
    return unread.count
  }

  /// All that comes until the end.
  func drained() -> String {
    _ = drainBytes()
    return String(decoding: unread, as: UTF8.self)
  }

  /// False at the end.
  private func receiveSome() throws -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count >= 0 else { throw Failure.receive(errno) }
    unread += buffer[..<count]
    return count > 0
  }
}

/// An answer as it came.
struct TestResponse: Equatable {
  var status: Int
  var fields: [String: String] = [:]
  var bodyBytes: [UInt8] = []

  /// The answer at the front of `bytes`, which it is taken from; nil when more is needed.
  init?(_ bytes: inout [UInt8], toHead: Bool) throws {
    let end = Array("\r\n\r\n".utf8)
    guard let headEnd = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else {
      return nil
    }
    let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).split(separator: "\r\n")
    let start = lines[0].split(separator: " ", maxSplits: 2)
    guard start.count == 3, start[0] == "HTTP/1.1", let status = Int(start[1]) else {
      throw TestClient.Failure.malformed(String(lines[0]))
    }
    self.status = status
    for line in lines.dropFirst() {
      let parts = line.split(separator: ": ", maxSplits: 1)
      fields[parts[0].lowercased()] = parts.count == 2 ? String(parts[1]) : ""
    }
    let bodyBytes = toHead ? 0 : fields["content-length"].flatMap { Int($0) } ?? 0
    let bodyStart = headEnd + end.count
    guard bytes.count >= bodyStart + bodyBytes else { return nil }
    self.bodyBytes = Array(bytes[bodyStart..<bodyStart + bodyBytes])
    bytes.removeFirst(bodyStart + bodyBytes)
  }

  var body: String { String(decoding: bodyBytes, as: UTF8.self) }

  var closes: Bool { fields["connection"] == "close" }

  /// The stable code of a problem document.
  var code: String? {
    body.split(separator: "\"code\":\"").last?.split(separator: "\"").first.map { String($0) }
  }
}
