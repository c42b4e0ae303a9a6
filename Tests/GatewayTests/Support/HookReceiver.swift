import Foundation
import Glibc
import Synchronization

/// A receiver of webhooks on loopback: keeps what arrives, and answers as it is told to, 200 otherwise.
final class HookReceiver: Sendable {
  struct Delivery: Sendable {
    let fields: [String: String]
    let body: String
  }

  private struct State {
    var deliveries: [Delivery] = []
    var answers: [String] = []
    var isStopped = false
  }

  private let state = Mutex(State())
  private let listener: Int32
  let port: UInt16

  init() throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else { throw HTTPClient.Failure(call: "bind") }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { self.accept() }
  }

  var url: String { "http://127.0.0.1:\(port)/hook" }
  var deliveries: [Delivery] { state.withLock { $0.deliveries } }

  /// Answers the next requests so: a status, and perhaps one header field.
  func answer(_ answers: [String]) { state.withLock { $0.answers = answers } }

  func stop() {
    let isFirst = state.withLock { state in
      defer { state.isStopped = true }
      return !state.isStopped
    }
    if isFirst { shutdown(listener, Int32(SHUT_RDWR)) }
  }

  private func accept() {
    while true {
      let connection = Glibc.accept(listener, nil, nil)
      guard connection >= 0 else { break }
      Thread.detachNewThread { self.serve(connection) }
    }
    close(listener)
  }

  private func serve(_ connection: Int32) {
    defer { close(connection) }
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0, !state.withLock({ $0.isStopped }) else { return }
      received += buffer[..<count]
      while let delivery = Self.take(&received) { answer(delivery, connection) }
    }
  }

  private func answer(_ delivery: Delivery, _ connection: Int32) {
    let answer = state.withLock { state in
      state.deliveries.append(delivery)
      return state.answers.isEmpty ? "200" : state.answers.removeFirst()
    }
    let parts = answer.split(separator: " ", maxSplits: 1)
    let field = parts.count > 1 ? "\(parts[1])\r\n" : ""
    let text = "HTTP/1.1 \(parts[0]) X\r\n\(field)Content-Length: 0\r\n\r\n"
    _ = send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL))
  }

  private static func take(_ received: inout [UInt8]) -> Delivery? {
    let text = String(decoding: received, as: UTF8.self)
    guard let head = text.range(of: "\r\n\r\n") else { return nil }
    var fields: [String: String] = [:]
    for line in text[..<head.lowerBound].components(separatedBy: "\r\n").dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      fields[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    let start = text[..<head.upperBound].utf8.count
    let length = fields["content-length"].flatMap { Int($0) } ?? 0
    guard received.count >= start + length else { return nil }
    let body = String(decoding: received[start..<start + length], as: UTF8.self)
    received.removeFirst(start + length)
    return Delivery(fields: fields, body: body)
  }
}
