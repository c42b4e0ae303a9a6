import HTTPWire

/// A WebSocket that says what it hears: for test suites of the protocol.
package final class EchoSession: Session {
  /// What was heard and not yet said. The worker asks after each message, so there is hardly ever more than one.
  private var heard: [(message: [UInt8], isText: Bool)] = []
  private var isDraining = false

  package init() {}

  package func begin(_ id: SessionID) {}

  package func produce(_ message: inout ByteBuffer) -> Production {
    guard let next = heard.first else { return isDraining ? .close(.goingAway) : .nothing }
    heard.removeFirst()
    next.message.withUnsafeBytes { message.append($0) }
    return next.isText ? .text : .binary
  }

  package func receive(_ message: ByteView, isText: Bool) {
    heard.append((Array(message.bytes), isText))
  }

  package func drain() { isDraining = true }

  package func end() {}
}
