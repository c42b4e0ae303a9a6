import HTTPWire

/// What the access log will say of a session once it is over.
final class SessionLogEntry {
  /// As `AccessLine.writeSubject` writes it.
  let subject: ByteBuffer
  let status: Status
  let begin: ContinuousClock.Instant

  init(_ subject: ByteView, _ status: Status, begin: ContinuousClock.Instant) {
    var copy = ByteBuffer(capacity: subject.count)
    copy.append(subject)
    self.subject = copy
    self.status = status
    self.begin = begin
  }
}
