import Addresses
import Glibc
import HTTPWire

/// One answered request as a line of JSON.
struct AccessLine {
  let status: Status
  /// Of the body, as sent.
  let byteCount: Int
  /// From the request's last byte until its answer was ready to be sent; of a session, until its end.
  let duration: Duration

  /// - Parameter subject: as `writeSubject` writes it.
  func write(_ subject: ByteView, at time: timespec, to line: inout ByteBuffer) {
    line.append("{\"time\":\"")
    line.append(isoTime: Int64(time.tv_sec), milliseconds: Int(time.tv_nsec) / 1_000_000)
    line.append("\"")
    line.append(subject)
    line.append(",\"status\":")
    line.append(decimal: Int(status.rawValue))
    line.append(",\"bytes\":")
    line.append(decimal: byteCount)
    line.append(",\"duration_us\":")
    let (seconds, attoseconds) = duration.components
    line.append(decimal: seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    line.append("}\n")
  }

  /// Writes what is known of a request before it is answered.
  ///
  /// - Parameters:
  ///   - request: nil when what came was none.
  ///   - refusal: the code that the client was told in that case.
  static func writeSubject(
    id: ByteView, client: IPAddress, _ request: RequestLine?, refusal: String?,
    to line: inout ByteBuffer
  ) {
    line.append(",\"id\":\"")
    line.append(id)
    line.append("\",\"remote\":\"")
    line.append(client)
    line.append("\"")
    if let request {
      line.append(",\"method\":\"")
      line.append(request.method.name)
      line.append("\",\"path\":\"")
      line.append(jsonEscaping: request.path)
      if !request.query.isEmpty {
        line.append("\",\"query\":\"")
        request.writeQuery(to: &line)
      }
      line.append("\"")
    }
    if let refusal {
      line.append(",\"refusal\":\"")
      line.append(refusal)
      line.append("\"")
    }
  }

  /// What of a request is logged: no field, so no credential in one.
  struct RequestLine {
    let method: Method
    let path: ByteView
    let query: ByteView

    init(_ request: borrowing Request) {
      method = request.method
      path = request.path
      query = request.query
    }

    /// Names under which clients pass what nobody else may know.
    private static let secretNames: Set<String> = [
      "access_token", "api_key", "apikey", "auth", "authorization", "bearer", "password", "secret",
      "signature", "token",
    ]

    func writeQuery(to line: inout ByteBuffer) {
      var isFirst = true
      for (name, value) in QueryFields(query) {
        if !isFirst { line.append("&") }
        isFirst = false
        line.append(jsonEscaping: name)
        line.append("=")
        // What can't be read may be anything.
        let decoded = name.percentDecoded(.query)?.lowercased()
        if decoded.map(Self.secretNames.contains) ?? true {
          line.append("***")
        } else {
          line.append(jsonEscaping: value)
        }
      }
    }
  }
}

extension ByteBuffer {
  /// Appends a part of a request target, which is printable ASCII, as the inside of a JSON string.
  fileprivate mutating func append(jsonEscaping text: ByteView) {
    for byte in text.bytes {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { append(UInt8(ascii: "\\")) }
      append(byte)
    }
  }
}
