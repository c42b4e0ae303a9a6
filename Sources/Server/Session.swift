import HTTPWire

/// What goes on over a connection after its request: a WebSocket's messages, or an answer without an end.
///
/// Lives on the worker of its connection and is called by nobody else. Output is pulled: the worker asks for one message at
/// a time, and only while the kernel has taken everything before it, so a slow client costs what the session remembers
/// and never a queue of messages.
package protocol Session: AnyObject {
  /// Called once, before any other, with the name to be woken by.
  func begin(_ id: SessionID)

  /// Writes the next message to `message`, which is empty, or says that there is none.
  ///
  /// Called after ``begin(_:)``, when the session is named ready by ``RequestHandler/gatherReady(worker:_:_:)``, after each
  /// ``receive(_:isText:)``, and again after a message while the client takes them.
  func produce(_ message: inout ByteBuffer) -> Production

  /// Takes a whole message of the client, inflated and, where `isText`, valid UTF-8; never called for a stream.
  ///
  /// `message` is valid during the call.
  func receive(_ message: ByteView, isText: Bool)

  /// The server is about to stop: the next ``produce(_:)`` should end the session. Called at a moment of a window, so that
  /// clients don't all come back at once.
  func drain()

  /// Whether it is to end even if its client does not take what it has been told; asked when it is named ready.
  var mustEnd: Bool { get }

  /// The connection is gone; called once, last.
  func end()
}

extension Session {
  package var mustEnd: Bool { false }
}

/// What a session made of being asked for a message.
package enum Production: Sendable {
  /// `message` is one, as text for a WebSocket and as it is for a stream.
  case text
  /// The same, and there is nothing behind it until the session is ready again.
  case lastText
  /// `message` is one of bytes; the same as `text` for a stream.
  case binary
  /// Nothing to tell until the session is ready again.
  case nothing
  /// The end: a WebSocket's close code with `message` as its reason, at most 123 bytes of UTF-8; the end of a stream, where
  /// neither is told.
  case close(CloseCode)
}

/// A session's name, never given twice by a server.
package struct SessionID: Hashable, Sendable {
  let worker: Int
  let token: ConnectionToken
}

/// Why sessions are asked for that have something to tell.
package enum GatherCause: Sendable {
  /// ``Server/signal()`` was called, at least once since the last time.
  case signal
  /// Time has passed: a tenth of a second, about.
  case tick
}
