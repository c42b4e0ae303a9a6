import HTTPCorpus

/// A client of a WebSocket that says exactly what it is told to.
final class WebSocketClient {
  let client: TestClient
  let answer: TestResponse

  /// Opens `path`; what is in `first` goes in the same packet as the request.
  init(
    port: UInt16, _ path: String, fields: [String] = [], first: [UInt8] = [],
    receiveBufferBytes: Int32? = nil
  ) throws {
    client = try TestClient(port: port, receiveBufferBytes: receiveBufferBytes)
    try client.send(Array(Self.request(path, fields).utf8) + first)
    answer = try client.receiveHead()
    guard answer.status == 101 else { throw TestClient.Failure.malformed("\(answer)") }
  }

  static func request(_ path: String, _ fields: [String] = []) -> String {
    let lines =
      [
        "GET \(path) HTTP/1.1", "Host: h", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
      ] + fields + ["", ""]
    return lines.joined(separator: "\r\n")
  }

  func send(_ frames: ClientFrame...) throws {
    try client.send(frames.flatMap(\.bytes))
  }

  func send(text: String) throws {
    try send(ClientFrame(text: text))
  }

  /// The next frame.
  func receive() throws -> ServerFrame {
    let start = try client.take(2)
    guard start[0] & 0x80 != 0, start[1] < 128 else {
      throw TestClient.Failure.malformed("a frame begins with \(start)")
    }
    let lengthBytes = start[1] == 126 ? 2 : start[1] == 127 ? 8 : 0
    let length =
      lengthBytes == 0
      ? Int(start[1]) : try client.take(lengthBytes).reduce(0) { $0 << 8 | Int($1) }
    return ServerFrame(
      opcode: start[0] & 15, isCompressed: start[0] & 0x40 != 0, payload: try client.take(length))
  }

  /// The next message, which is text and not compressed.
  func receiveText() throws -> String {
    let frame = try receive()
    guard frame.opcode == 1, !frame.isCompressed else {
      throw TestClient.Failure.malformed("\(frame)")
    }
    return frame.text
  }

  /// The code of the close frame that comes next.
  func receiveClose() throws -> UInt16? {
    let frame = try receive()
    guard frame.opcode == 8 else { throw TestClient.Failure.malformed("\(frame)") }
    return frame.payload.isEmpty ? nil : UInt16(frame.payload[0]) << 8 | UInt16(frame.payload[1])
  }
}

/// A frame as a server sent it.
struct ServerFrame: Equatable {
  var opcode: UInt8
  var isCompressed: Bool
  var payload: [UInt8]

  var text: String { String(decoding: payload, as: UTF8.self) }
}
