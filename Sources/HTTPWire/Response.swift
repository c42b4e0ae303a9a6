/// An answer being written; its memory is used again for the next one.
package struct Response: ~Copyable {
  package var status = Status.ok
  package var mediaType = MediaType.json
  package var body = ByteBuffer()
  private var fields = ByteBuffer()

  /// What `reset` keeps of a body's memory: a rare large answer does not stay resident.
  private static let keptBytesMax = 262_144

  package init() {}

  /// Makes this an empty `200 OK` again.
  package mutating func reset() {
    status = .ok
    mediaType = .json
    body.removeAll()
    fields.removeAll()
    if body.capacity > Self.keptBytesMax { body.release() }
  }

  package mutating func addField(_ name: StaticString, _ value: StaticString) {
    addField(name) { $0.append(value) }
  }

  package mutating func addField(_ name: StaticString, _ value: String) {
    addField(name) { $0.append(value) }
  }

  /// Adds a field whose value `write` appends.
  ///
  /// A control byte in the value is sent as a space (RFC 9110 5.5): a line end in it would
  /// otherwise let whoever chose the value write fields of their own.
  package mutating func addField(_ name: StaticString, _ write: (inout ByteBuffer) -> Void) {
    fields.append(name)
    fields.append(": ")
    let start = fields.count
    write(&fields)
    let value = fields.mutableBytes[start...]
    for index in value.indices where value[index] < 0x20 || value[index] == 0x7F {
      fields.mutableBytes[index] = 0x20
    }
    fields.append("\r\n")
  }

  /// How a response is framed for the request it answers.
  package struct Framing {
    package var version: HTTPVersion
    package var keepsAlive: Bool
    /// For HEAD: the length is told and the body left out.
    package var omitsBody: Bool

    package init(version: HTTPVersion, keepsAlive: Bool, omitsBody: Bool) {
      self.version = version
      self.keepsAlive = keepsAlive
      self.omitsBody = omitsBody
    }
  }

  /// Appends the response as it is sent; `dateField` is a whole `Date` line.
  package func encode(
    into output: inout ByteBuffer, _ framing: Framing, dateField: ByteView
  ) {
    output.append("HTTP/1.1 ")
    output.append(status.line)
    output.append("\r\n")
    output.append(dateField)
    if !status.isBodiless { encodeBodyFields(into: &output) }
    encodeConnection(into: &output, framing)
    output.append(fields.view)
    output.append("\r\n")
    if !status.isBodiless && !framing.omitsBody { output.append(body.view) }
  }

  private func encodeBodyFields(into output: inout ByteBuffer) {
    if !body.isEmpty {
      output.append("Content-Type: ")
      output.append(mediaType.value)
      output.append("\r\n")
    }
    output.append("Content-Length: ")
    output.append(decimal: body.count)
    output.append("\r\n")
  }

  /// RFC 9112 9.3: only what differs from the version's default has to be said.
  private func encodeConnection(into output: inout ByteBuffer, _ framing: Framing) {
    switch (framing.version, framing.keepsAlive) {
    case (.http11, true): break
    case (.http10, true): output.append("Connection: keep-alive\r\n")
    case (.http11, false), (.http10, false): output.append("Connection: close\r\n")
    }
  }
}
