/// A connection on its way from the acceptor to a worker, which closes it.
struct AcceptedSocket: Sendable {
  let descriptor: Int32
  let peer: PeerAddress
}
