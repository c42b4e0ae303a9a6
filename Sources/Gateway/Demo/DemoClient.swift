import Glibc
import JSONWire

/// Takes holds from the demo's own server over its socket, as a shop's checkout would.
struct DemoClient: Sendable {
  let address: ListenAddress

  /// Answers are far shorter.
  private static let answerBytesMax = 64 << 10
  private static let timeout = timeval(tv_sec: 3, tv_usec: 0)

  /// Holds the lines of a sale; nil if that can't be had now.
  ///
  /// - Returns: the hold's id.
  func hold(_ lines: [ShopTransaction.Line], at location: Int, ttl: String) -> String? {
    let members = lines.map {
      "{\"item\":\($0.item),\"location\":\(location),\"quantity\":\($0.quantity)}"
    }
    let body = "{\"lines\":[\(members.joined(separator: ","))],\"ttl\":\"\(ttl)\"}"
    guard let answer = post("/v1/holds", body), answer.starts(with: Array("HTTP/1.1 201 ".utf8)),
      let end = answer.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound
    else { return nil }
    return answer[end...].withUnsafeBytes { bytes in
      (try? JSONDocument(bytes))?.root["hold_id"]?.string
    }
  }

  private func post(_ path: String, _ body: String) -> [UInt8]? {
    guard let socket = connected() else { return nil }
    defer { close(socket) }
    let host = address.host.contains(":") ? "[\(address.host)]" : address.host
    let request = """
      POST \(path) HTTP/1.1\r
      Host: \(host):\(address.port)\r
      Content-Type: application/json\r
      Content-Length: \(body.utf8.count)\r
      Connection: close\r
      \r
      \(body)
      """
    let bytes = Array(request.utf8)
    // One segment: shorter than any socket's buffer.
    guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      return nil
    }
    return answer(socket)
  }

  private func answer(_ socket: Int32) -> [UInt8]? {
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while answer.count < Self.answerBytesMax {
      let count = recv(socket, &buffer, buffer.count, 0)
      guard count >= 0 else { return nil }
      if count == 0 { return answer }
      answer += buffer[..<count]
    }
    return nil
  }

  private func connected() -> Int32? {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address.host, String(address.port), &hints, &found) == 0, let found else {
      return nil
    }
    defer { freeaddrinfo(found) }
    let made = socket(
      found.pointee.ai_family, found.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard made >= 0 else { return nil }
    var timeout = Self.timeout
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
    guard connect(made, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else {
      close(made)
      return nil
    }
    return made
  }
}
