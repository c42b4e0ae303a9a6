import Addresses
import CLinux
import Glibc
import HTTPWire

/// One client's connection, as its worker remembers it between events.
///
/// Bytes pass through memory the worker shares among its connections; only what is left over when
/// an event has been dealt with is kept here, so an idle connection owns none.
final class Connection {
  let socket: AcceptedSocket
  let token: ConnectionToken

  // What each message of a session touches stands together: with thousands of connections the memory of one is far away.
  @exclusivity(unchecked) var phase = Phase.receiving
  @exclusivity(unchecked) var wait = Wait.idle
  /// What the request at the front began.
  @exclusivity(unchecked) var openSession: OpenSession?
  @exclusivity(unchecked) private var output = ByteBuffer()
  @exclusivity(unchecked) private var sentCount = 0

  @exclusivity(unchecked) var decoder = RequestDecoder()
  /// The request at the front, and any that arrived behind it.
  @exclusivity(unchecked) var input = ByteBuffer()
  /// Of the request at the front; tells its wakes from those of earlier ones.
  @exclusivity(unchecked) var requestNumber: UInt32 = 0
  /// How often the handler has seen the request at the front.
  @exclusivity(unchecked) var attempts = 0
  /// When the handler first saw it; set where there is an access log, or once it has parked.
  @exclusivity(unchecked) var begin = ContinuousClock.Instant.now
  /// Of the request at the front, once it waits on a trusted proxy's connection.
  @exclusivity(unchecked) var waitingClient: IPAddress?
  /// To the request at the front, once it is being compressed.
  @exclusivity(unchecked) var answer: PendingAnswer?
  /// Whether the client may still be sending when the last answer is on its way.
  @exclusivity(unchecked) var lingers = false

  @exclusivity(unchecked) var interest: EventPoll.Interest = .readable
  /// What `input` and the output were when last counted.
  @exclusivity(unchecked) var countedBytes = 0

  /// Of what was kept to be sent, since the deadline for it was set.
  @exclusivity(unchecked) var takenBytes = 0

  /// What a connection is in the middle of.
  enum Phase: Equatable {
    /// Requests are read and answered.
    case receiving
    /// The request at the front waits to be tried again; the ones behind it wait for it.
    case parked(until: Tick)
    /// The answer to the request at the front is being compressed; the ones behind it wait.
    case compressing
    /// The request began a session, which goes on.
    case session
    /// The last answer is given, and the connection ends once it is sent.
    case closing
    /// Everything is sent; what still arrives is thrown away until the client has seen the end.
    case lingering
    case closed
  }

  /// What a connection's deadline is for.
  enum Wait: Equatable {
    case idle, head, body, parked, compressor, output, linger
    /// Of a session: for its client, or for something to tell it.
    case session
    /// Of a session: for the rest of a message of its client.
    case sessionMessage
    /// Of a session: for its turn to take what its client has sent.
    case sessionInput
    /// Of a session: for its client to take what it was told.
    case sessionOutput
    /// For the client's close frame.
    case closeFrame
  }

  init(_ socket: AcceptedSocket, _ token: ConnectionToken) {
    self.socket = socket
    self.token = token
  }

  var bufferedBytes: Int {
    input.capacity + output.capacity + (openSession?.bufferedBytes ?? 0)
  }
  var hasOutput: Bool { !output.isEmpty }
  /// Whether its client has sent more than has been taken.
  var hasSessionInput: Bool { phase == .session && !input.isEmpty }

  /// Moves on to the request behind the one at the front.
  func nextRequest() {
    decoder.next()
    requestNumber &+= 1
    attempts = 0
    answer = nil
    wait = .idle
  }

  /// What reading or writing came to.
  enum Transfer {
    case bytes(Int)
    case wouldBlock
    /// The client sends no more.
    case end
    case failed
  }

  func receive(into buffer: inout ByteBuffer, upTo bytesMax: Int) -> Transfer {
    var received = 0
    buffer.append(upTo: bytesMax) { free in
      received = clinux_receive(socket.descriptor, free.baseAddress, free.count)
      return max(0, received)
    }
    return received == 0 ? .end : transfer(received)
  }

  /// Sends `bytes`, keeping what the client does not take behind what it has not taken before.
  func send(_ bytes: ByteView) -> Transfer {
    guard output.isEmpty else {
      output.append(bytes)
      return .wouldBlock
    }
    let result = transfer(clinux_send(socket.descriptor, bytes.bytes.baseAddress, bytes.count))
    switch result {
    case .bytes(let count): output.append(bytes[count..<bytes.count])
    case .wouldBlock: output.append(bytes)
    case .end, .failed: break
    }
    return result
  }

  /// Sends what was kept.
  func sendOutput() -> Transfer {
    let rest = output.view[sentCount..<output.count]
    let result = transfer(clinux_send(socket.descriptor, rest.bytes.baseAddress, rest.count))
    if case .bytes(let count) = result {
      sentCount += count
      takenBytes += count
    }
    if sentCount == output.count {
      output.release()
      sentCount = 0
      takenBytes = 0
    }
    return result
  }

  private func transfer(_ result: Int) -> Transfer {
    guard result < 0 else { return .bytes(result) }
    return errno == EAGAIN || errno == EINTR ? .wouldBlock : .failed
  }
}
