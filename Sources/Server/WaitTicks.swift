/// The limits of waits in ticks.
struct WaitTicks: Sendable {
  let idle: UInt32
  let head: UInt32
  let body: UInt32
  let output: UInt32
  let linger: UInt32
  let session: UInt32
  let close: UInt32

  init(_ limits: ServerLimits) {
    idle = TickClock.ticks(in: limits.idleTime)
    head = TickClock.ticks(in: limits.headTime)
    body = TickClock.ticks(in: limits.bodyTime)
    output = TickClock.ticks(in: limits.writeStallTime)
    linger = TickClock.ticks(in: limits.lingerTime)
    session = TickClock.ticks(in: limits.sessionIdleTime)
    close = TickClock.ticks(in: limits.closeTime)
  }
}
