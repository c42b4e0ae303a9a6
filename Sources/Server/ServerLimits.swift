import HTTPWire

/// What clients may take of the server, and how long they may take over it.
package struct ServerLimits: Sendable {
  package var request = RequestLimits()

  /// Open connections; one more is told 503 and closed.
  package var connectionsMax = 16_384
  /// Open connections of one address, or nil for as many as there may be in all; of a client behind
  /// a trusted proxy, requests that wait and sessions. By default nobody can take more than a quarter.
  package var connectionsPerAddressMax: Int? = 4_096
  /// Requests waiting for a wake or their deadline; one more is told 503. Shared out evenly to
  /// workers.
  package var parkedRequestsMax = 16_384
  /// Bytes kept for connections between events: parts of requests, and answers not taken. Who needs
  /// more is told 503, or cut when it is answers. Shared out evenly to workers.
  package var bufferedBytesMax = 268_435_456

  /// Between requests; then the connection is closed.
  package var idleTime = Duration.seconds(75)
  /// From a head's first byte to its last; then 408.
  package var headTime = Duration.seconds(10)
  /// From a head's end to its body's; then 408.
  package var bodyTime = Duration.seconds(30)
  /// For the client to take `writeStallBytesMin`, or what is left; then the connection is reset.
  package var writeStallTime = Duration.seconds(20)
  /// Less than this does not start the time anew, or a client could hold a large answer for days by
  /// taking a byte now and then. With the default time it is the pace of an old modem.
  package var writeStallBytesMin = 65_536
  /// After the last answer, for the client to read it before the connection is gone (RFC 9112 9.6).
  package var lingerTime = Duration.seconds(2)
  /// Of a session, without a byte either way; then it is ended. A client that reads nothing for a minute, as one whose
  /// computer is busy, is not yet gone.
  package var sessionIdleTime = Duration.seconds(120)
  /// From a WebSocket's close frame to the client's; then the connection is reset.
  package var closeTime = Duration.seconds(5)

  package init() {}

  /// One worker's even share of what is bounded for all.
  static func share(of total: Int, among workers: Int) -> Int {
    max(1, total / workers)
  }
}
