/// An answer being written; its memory is used again for the next one.
package struct Response: ~Copyable {
  package var status = Status.ok
  package var mediaType = MediaType.json
  package var body = ByteBuffer()
  private var fields = ByteBuffer()
  private var isGzip = false
  /// Where the value of `ETag` is in `fields`.
  private var tagStart: Int?
  private var hasWeakTag = false

  /// An answer that fits into one packet anyway is not compressed.
  package static let compressedBytesMin = 1_400
  /// What `reset` keeps of a body's memory: a rare large answer does not stay resident.
  private static let keptBytesMax = 262_144

  package init() {}

  /// Makes this an empty `200 OK` again.
  package mutating func reset() {
    status = .ok
    mediaType = .json
    body.removeAll()
    fields.removeAll()
    isGzip = false
    tagStart = nil
    hasWeakTag = false
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
    if name.utf8CodeUnitCount == 4, ByteView(name).equalsIgnoringCase("etag") { tagStart = start }
    write(&fields)
    let bytes = fields.mutableBytes
    for index in start..<bytes.count where bytes[index] < 0x20 || bytes[index] == 0x7F {
      bytes[index] = 0x20
    }
    fields.append("\r\n")
  }

  /// Whether the body is worth compressing for a client that takes it compressed; true of a 304 when
  /// it is true of the answer it stands for, whose body is set and not sent.
  package var isCompressible: Bool {
    guard body.count >= Self.compressedBytesMin, !isGzip else { return false }
    // RFC 9110 14.4: a part is of the representation as it is coded, and this one is not.
    return status != .partialContent && mediaType.isText
  }

  /// Takes a compressed body for the one there was.
  package mutating func replaceBody(withGzip gzip: consuming ByteBuffer) {
    body = gzip
    isGzip = true
    weakenTag()
  }

  /// Marks the tag as weak: it names the content, whatever the bytes it is coded in.
  ///
  /// RFC 9110 8.8.1: a strong one would have to differ from that of the uncompressed bytes.
  package mutating func weakenTag() {
    hasWeakTag = true
  }

  /// How a response is framed for the request it answers.
  package struct Framing {
    package var version: HTTPVersion
    package var keepsAlive: Bool
    /// For HEAD: the length is told and the body left out.
    package var omitsBody: Bool
    package var length = Length.known

    package init(
      version: HTTPVersion, keepsAlive: Bool, omitsBody: Bool, length: Length = .known
    ) {
      self.version = version
      self.keepsAlive = keepsAlive
      self.omitsBody = omitsBody
      self.length = length
    }
  }

  /// How a client finds the end of a body (RFC 9112 6.3).
  package enum Length: Sendable {
    /// That of `body`.
    case known
    /// The body follows the head in chunks.
    case chunked
    /// The body follows the head and ends with the connection.
    case untilClose
  }

  /// Appends the response as it is sent; `dateField` is a whole `Date` line.
  package func encode(
    into output: inout ByteBuffer, _ framing: Framing, dateField: ByteView
  ) {
    output.append("HTTP/1.1 ")
    output.append(status.line)
    output.append("\r\n")
    output.append(dateField)
    if !status.isBodiless { encodeBodyFields(into: &output, framing.length) }
    encodeConnection(into: &output, framing)
    // RFC 9110 12.5.5: caches may not give the one form to who asked for the other.
    if isGzip || isCompressible { output.append("Vary: Accept-Encoding\r\n") }
    encodeFields(into: &output)
    output.append("\r\n")
    guard case .known = framing.length, !status.isBodiless, !framing.omitsBody else { return }
    output.append(body.view)
  }

  private func encodeBodyFields(into output: inout ByteBuffer, _ length: Length) {
    switch length {
    case .known:
      if !body.isEmpty { encodeMediaType(into: &output) }
      if isGzip { output.append("Content-Encoding: gzip\r\n") }
      output.append("Content-Length: ")
      output.append(decimal: body.count)
      output.append("\r\n")
    case .chunked:
      encodeMediaType(into: &output)
      output.append("Transfer-Encoding: chunked\r\n")
    case .untilClose:
      encodeMediaType(into: &output)
    }
  }

  private func encodeMediaType(into output: inout ByteBuffer) {
    output.append("Content-Type: ")
    output.append(mediaType.value)
    output.append("\r\n")
  }

  private func encodeFields(into output: inout ByteBuffer) {
    guard hasWeakTag, let tagStart, !fields.view[tagStart..<fields.count].hasPrefix("W/") else {
      return output.append(fields.view)
    }
    output.append(fields.view[0..<tagStart])
    output.append("W/")
    output.append(fields.view[tagStart..<fields.count])
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
