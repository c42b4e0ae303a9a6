import Glibc
import HTTPWire

/// One worker's part of the access log: names requests and writes a line about each.
final class RequestLog {
  private let log: AccessLog
  private let proxies: TrustedProxies
  private var names: RequestNames
  // Used again for each request.
  private var id = ByteBuffer()
  private var subject = ByteBuffer()
  private var line = ByteBuffer()

  init(_ log: AccessLog, _ proxies: TrustedProxies, worker: Int) {
    self.log = log
    self.proxies = proxies
    names = RequestNames(worker: worker)
  }

  /// Tells the client under which name its request is logged: the one that a trusted proxy gave it,
  /// or a new one.
  func name(_ request: borrowing Request, on connection: Connection, in response: inout Response) {
    id.removeAll()
    if connection.socket.isTrustedProxy, let given = request.field("x-request-id"),
      RequestNames.isUsable(given)
    {
      id.append(given)
    } else {
      names.write(to: &id)
    }
    response.addField("X-Request-Id") { $0.append(id.view) }
  }

  /// Writes the line of the request that has just been named.
  func note(
    _ request: borrowing Request, on connection: Connection, _ response: borrowing Response
  ) {
    let omitsBody = request.method == .head || response.status.isBodiless
    describe(request, on: connection)
    write(
      AccessLine(
        status: response.status, byteCount: omitsBody ? 0 : response.body.count,
        duration: connection.begin.duration(to: .now)))
  }

  /// Writes the line of what was refused before it was a request.
  func note(
    _ problem: some ProblemCode, on connection: Connection, _ response: borrowing Response,
    omitsBody: Bool
  ) {
    id.removeAll()
    names.write(to: &id)
    subject.removeAll()
    AccessLine.writeSubject(
      id: id.view, client: connection.socket.peer.ip, nil, refusal: problem.rawValue, to: &subject)
    write(
      AccessLine(
        status: response.status, byteCount: omitsBody ? 0 : response.body.count, duration: .zero))
  }

  /// What to remember of the request that has just been named and begins a session.
  func begin(
    _ request: borrowing Request, on connection: Connection, _ status: Status
  ) -> SessionLogEntry {
    describe(request, on: connection)
    return SessionLogEntry(subject.view, status, begin: connection.begin)
  }

  /// Writes the line of a session that is over.
  func end(_ entry: SessionLogEntry, byteCount: Int) {
    subject.removeAll()
    subject.append(entry.subject.view)
    write(
      AccessLine(
        status: entry.status, byteCount: byteCount, duration: entry.begin.duration(to: .now)))
  }

  private func describe(_ request: borrowing Request, on connection: Connection) {
    subject.removeAll()
    AccessLine.writeSubject(
      id: id.view, client: proxies.client(of: request, from: connection.socket.peer.ip),
      AccessLine.RequestLine(request), refusal: nil, to: &subject)
  }

  private func write(_ entry: AccessLine) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    line.removeAll()
    entry.write(subject.view, at: time, to: &line)
    log.add(line.view)
  }
}
