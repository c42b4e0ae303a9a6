import CLinux
import Glibc
import Synchronization

/// What gets a worker out of its wait for events when something is posted to its queue.
///
/// A post is announced, then enqueued, then rung. Either the worker sees the announcement before it
/// waits, or the poster sees that it listens: both sides write, then read the other's, in one order
/// for all (Dekker).
struct Doorbell: ~Copyable, Sendable {
  let descriptor: Int32
  private let isListening = Atomic(false)
  private let announced = Atomic(0)

  /// No connection's: their generations start at 1.
  static let token = ConnectionToken(slot: 0, generation: 0)

  init() throws(ListenError) {
    descriptor = clinux_bell_create()
    guard descriptor >= 0 else { throw .refused(.poll, code: errno) }
  }

  deinit {
    close(descriptor)
  }

  func announce() {
    announced.wrappingAdd(1, ordering: .sequentiallyConsistent)
  }

  /// Only the first ring of a wait has to make a sound.
  func ring() {
    guard isListening.load(ordering: .sequentiallyConsistent),
      isListening.exchange(false, ordering: .sequentiallyConsistent)
    else { return }
    clinux_bell_ring(descriptor)
  }

  /// Starts to listen; false when posts have been announced beyond those `heard`, and waiting would
  /// keep them.
  func listen(heard: Int) -> Bool {
    isListening.store(true, ordering: .sequentiallyConsistent)
    return announced.load(ordering: .sequentiallyConsistent) == heard
  }

  func stopListening() {
    isListening.store(false, ordering: .relaxed)
  }

  func silence() {
    clinux_bell_silence(descriptor)
  }
}
