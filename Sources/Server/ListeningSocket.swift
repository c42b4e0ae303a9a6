import CLinux
import Glibc

/// The owner of a socket that connections arrive at.
struct ListeningSocket: ~Copyable {
  let descriptor: Int32
  let port: UInt16

  /// As many as the system's own bound (`net.core.somaxconn`) usually allows.
  private static let backlog: Int32 = 4_096

  /// Listens on the first address of `host` that can be listened on.
  init(host: String, port: UInt16) throws(ListenError) {
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &found)
    guard code == 0, let found else { throw .hostUnknown(host, code: code) }
    defer { freeaddrinfo(found) }
    let listening = try Self.listen(onFirstOf: found)
    self.port = try Self.port(of: listening)
    descriptor = listening
  }

  deinit {
    close(descriptor)
  }

  /// Accepts one connection, or tells the `errno` why not.
  func accept() -> Result<AcceptedSocket, AcceptFailure> {
    var storage = sockaddr_storage()
    let accepted = clinux_accept(descriptor, &storage)
    guard accepted >= 0 else { return .failure(AcceptFailure(code: errno)) }
    return .success(AcceptedSocket(descriptor: accepted, peer: PeerAddress(storage)))
  }

  private static func listen(
    onFirstOf addresses: UnsafeMutablePointer<addrinfo>
  ) throws(ListenError) -> Int32 {
    var next: UnsafeMutablePointer<addrinfo>? = addresses
    var failure = ListenError.refused(.socket, code: EAFNOSUPPORT)
    while let address = next {
      do {
        return try listen(on: address.pointee)
      } catch {
        failure = error
        next = address.pointee.ai_next
      }
    }
    throw failure
  }

  private static func listen(on address: addrinfo) throws(ListenError) -> Int32 {
    let descriptor = clinux_stream_socket(address.ai_family)
    guard descriptor >= 0 else { throw .refused(.socket, code: errno) }
    _ = clinux_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    // Accepted sockets inherit it: an answer is one send and must not wait for an acknowledgement.
    _ = clinux_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    guard bind(descriptor, address.ai_addr, address.ai_addrlen) == 0 else {
      defer { close(descriptor) }
      throw .refused(.bind, code: errno)
    }
    guard Glibc.listen(descriptor, backlog) == 0 else {
      defer { close(descriptor) }
      throw .refused(.listen, code: errno)
    }
    return descriptor
  }

  /// The port `descriptor` got; closes it when that cannot be told.
  private static func port(of descriptor: Int32) throws(ListenError) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutableBytes(of: &storage) {
      getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
    }
    guard result == 0 else {
      defer { close(descriptor) }
      throw .refused(.name, code: errno)
    }
    return PeerAddress(storage).port
  }
}

/// Why nothing was accepted.
struct AcceptFailure: Error {
  let code: Int32
}
