/// A request as a handler sees it: views of the bytes that arrived, valid only during the call.
package struct Request: ~Copyable {
  private let bytes: UnsafeRawBufferPointer
  private let frame: RequestFrame
  private let table: UnsafeBufferPointer<FieldTable.Field>

  /// The request `frame` found in `bytes`, with its fields in `fields`.
  package init(
    _ frame: RequestFrame, _ bytes: UnsafeRawBufferPointer, _ fields: borrowing FieldTable
  ) {
    self.bytes = bytes
    self.frame = frame
    table = fields.fields
  }

  package var method: Method { frame.head.method }
  package var version: HTTPVersion { frame.head.version }

  package var keepsAlive: Bool { frame.head.keepsAlive }

  /// As sent, percent-encoded; `*` for an OPTIONS request about the server as a whole.
  package var path: ByteView { frame.head.path.view(of: bytes) }

  /// As sent, without its `?`; empty when there is none.
  package var query: ByteView { frame.head.query.view(of: bytes) }

  /// The host and port asked for; empty when an HTTP/1.0 request names none.
  package var host: ByteView { frame.head.host.view(of: bytes) }

  /// With chunks joined.
  package var body: ByteView {
    ByteView(UnsafeRawBufferPointer(rebasing: bytes[frame.body]))
  }

  /// The value of the first field called `name`, which is lowercase.
  package func field(_ name: StaticString) -> ByteView? {
    for field in table where field.name.view(of: bytes).equalsIgnoringCase(name) {
      return field.value.view(of: bytes)
    }
    return nil
  }

  /// The values of the fields called `name`, which is lowercase, in the order they were sent.
  package func forEachValue(of name: StaticString, _ body: (ByteView) -> Void) {
    for field in table where field.name.view(of: bytes).equalsIgnoringCase(name) {
      body(field.value.view(of: bytes))
    }
  }

  /// All fields in the order they were sent.
  package func forEachField(_ body: (_ name: ByteView, _ value: ByteView) -> Void) {
    for field in table {
      body(field.name.view(of: bytes), field.value.view(of: bytes))
    }
  }
}
