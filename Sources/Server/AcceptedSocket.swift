/// A connection on its way from the acceptor to a worker, which closes it.
struct AcceptedSocket: Sendable {
  let descriptor: Int32
  let peer: PeerAddress
  /// Whether the peer is a proxy that is believed: its connections are counted to no address.
  var isTrustedProxy = false
}
