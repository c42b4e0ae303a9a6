/// The name of a connection on its worker, never given twice.
struct ConnectionToken: Hashable, Sendable {
  let slot: UInt32
  let generation: UInt32

  init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }

  /// As an epoll set carries it.
  init(rawValue: UInt64) {
    self.init(
      slot: UInt32(truncatingIfNeeded: rawValue),
      generation: UInt32(truncatingIfNeeded: rawValue >> 32))
  }

  var rawValue: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}
