import Engine
import TestSupport
import Testing

/// A change as the tests of outboxes know it: the values of a counter before and after.
struct CountedChange: OutboxChange, Hashable {
  let key: [UInt8]
  var old: Int?
  var new: Int?

  var byteCount: Int { 100 }
  var isNothing: Bool { old == nil && new == nil }
  mutating func absorb(_ later: CountedChange) { new = later.new }
}

struct OutboxTests {
  private typealias CountedOutbox = Outbox<CountedChange>

  /// Steps, a receiver that fails and hangs at random, a database that records what it is told, and crashes.
  private struct World {
    let options: Outbox<CountedChange>.Options
    var random: SeededRandom
    var now: Int64 = 0
    var log: [(lsn: LSN, changes: [CountedChange])] = []
    var counters: [[UInt8]: Int] = [:]
    /// Little enough that failing keys leave changes to the source.
    let bytesMax: Int
    var outbox: Outbox<CountedChange>
    var underWay: [OutboxSending<CountedChange>] = []
    var unanswered: OutboxProgress?
    var frozen: [Int: [CountedChange]] = [:]
    // As the database has it.
    var cursor = LSN(0)
    var exceptions: [[UInt8]: LSN] = [:]
    // As the receiver saw it.
    var received: [[UInt8]: [Int]] = [:]
    var deliveredChanges = 0
    var crashes = 0
    var redelivered = 0

    static let schedule = AttemptSchedule(firstDelay: 10, delayMax: 200, lifetime: .max / 4)

    init(_ options: Outbox<CountedChange>.Options, _ random: SeededRandom) {
      self.options = options
      self.random = random
      bytesMax = self.random.pick([1 << 20, 3_000])
      outbox = Outbox(options, schedule: Self.schedule, from: LSN(0))
      outbox.bytesMax = bytesMax
    }

    mutating func produce(keys: Int) {
      let lsn = LSN((log.last?.lsn.value ?? 0) + UInt64(random.number(1...50)))
      var changes: [[UInt8]: CountedChange] = [:]
      for _ in 0..<random.number(0...3) {
        let key = [UInt8(random.number(1...keys))]
        guard changes[key] == nil else { continue }
        let old = counters[key]
        changes[key] = CountedChange(key: key, old: old, new: (old ?? 0) + 1)
        counters[key] = (old ?? 0) + 1
      }
      log.append((lsn, changes.values.sorted { $0.key[0] < $1.key[0] }))
    }

    mutating func pull() {
      for step in log where step.lsn > outbox.end && outbox.wantsMore {
        outbox.accept(step.lsn, step.changes, now: now)
      }
      for (key, from) in outbox.spilled {
        var found: [(lsn: LSN, change: CountedChange)] = []
        var rest: LSN?
        for step in log where step.lsn >= from && step.lsn <= outbox.end {
          for change in step.changes where change.key == key {
            if found.count == Outbox<CountedChange>.rereadMax {
              rest = rest ?? step.lsn
            } else {
              found.append((step.lsn, change))
            }
          }
        }
        outbox.refill(key, found, rest: rest, now: now)
      }
    }

    mutating func send() {
      while let sending = outbox.next(now: now) {
        if sending.isFrozen { #expect(frozen[sending.number] == sending.changes, "a frozen body") }
        underWay.append(sending)
      }
    }

    mutating func answer(failing: Int) {
      guard !underWay.isEmpty else { return }
      let sending = underWay.remove(at: random.number(0...underWay.count - 1))
      if random.number(1...100) <= failing {
        let arrives = random.oneIn(3)
        let wasSent = arrives || random.oneIn(2)
        if arrives { receive(sending) }
        if wasSent { frozen[sending.number] = sending.changes }
        _ = outbox.finish(
          sending.number, .failed(wasSent: wasSent, retryAfter: random.oneIn(50) ? 30 : nil),
          now: now, &random)
      } else {
        receive(sending)
        _ = outbox.finish(sending.number, .delivered, now: now, &random)
      }
    }

    private mutating func receive(_ sending: OutboxSending<CountedChange>) {
      for change in sending.changes {
        let value = change.new ?? -1
        if let last = received[change.key]?.last, value <= last {
          redelivered += 1
        } else if !options.coalesces {
          #expect(value == (received[change.key]?.last ?? 0) + 1, "in order, and none missing")
        }
        received[change.key, default: []].append(value)
        deliveredChanges += 1
      }
    }

    mutating func record() {
      if let progress = unanswered {
        unanswered = nil
        if random.oneIn(10) { return outbox.progressFailed(progress) }
        cursor = progress.cursor
        for (key, lsn) in progress.exceptions { exceptions[key] = lsn }
        outbox.recorded(progress)
      } else if outbox.hasProgress || outbox.hasMoved {
        unanswered = outbox.takeProgress()
      }
    }

    /// The process dies; another one begins from what the database has.
    mutating func crash() {
      crashes += 1
      underWay.removeAll()
      unanswered = nil
      frozen.removeAll()
      outbox = Outbox(options, schedule: Self.schedule, from: cursor, exceptions: exceptions)
      outbox.bytesMax = bytesMax
    }

    mutating func run(steps: Int, keys: Int, failing: Int, crashing: Int?) {
      for _ in 0..<steps {
        switch random.number(0...9) {
        case 0...1: produce(keys: keys)
        case 2: pull()
        case 3...4: send()
        case 5...7: answer(failing: failing)
        case 8: record()
        default: now += Int64(random.number(1...20))
        }
        if let crashing, random.oneIn(crashing) { crash() }
      }
    }

    mutating func drain() {
      for _ in 0..<2_000_000 {
        pull()
        send()
        while !underWay.isEmpty { answer(failing: 0) }
        record()
        if outbox.owedChanges == 0, outbox.end == log.last?.lsn, !outbox.hasProgress,
          !outbox.hasMoved, unanswered == nil, outbox.spilled.isEmpty
        {
          return
        }
        now += 5
      }
      Issue.record("does not come to an end")
    }
  }

  private func options(_ random: inout SeededRandom, coalesces: Bool = false)
    -> Outbox<CountedChange>.Options
  {
    var options = Outbox<CountedChange>.Options()
    options.concurrency = random.number(1...12)
    options.coalesces = coalesces
    if random.oneIn(3) {
      options.batchMax = random.number(2...9)
      options.batchTime = Int64(random.number(0...20))
    }
    return options
  }

  @Test func everyKeyArrivesWholeAndInOrderWhateverFails() {
    var random = SeededRandom()
    for _ in 0..<40 {
      var world = World(options(&random), random)
      world.run(
        steps: 6_000, keys: random.number(1...40), failing: random.pick([0, 10, 30, 80]),
        crashing: nil)
      world.drain()
      for (key, count) in world.counters { #expect(world.received[key]?.last == count) }
      #expect(world.cursor == world.log.last?.lsn && world.exceptions.isEmpty)
      _ = random.next()
    }
  }

  @Test func aSuccessorMissesNothingAndRepeatsLittle() {
    var random = SeededRandom()
    for _ in 0..<40 {
      var world = World(options(&random), random)
      let failing = random.pick([0, 10, 30])
      world.run(steps: 8_000, keys: random.number(1...40), failing: failing, crashing: 400)
      world.drain()
      for (key, count) in world.counters { #expect(world.received[key]?.last == count) }
      let bound =
        (Outbox<CountedChange>.aheadMax + Outbox<CountedChange>.unrecordedMax
          + world.options.concurrency * world.options.batchMax) * world.crashes
      let failures = failing == 0 ? 0 : world.deliveredChanges
      #expect(world.redelivered <= bound + failures)
      _ = random.next()
    }
  }

  @Test func aBacklogBecomesTheNewestRowOfEachKey() {
    var random = SeededRandom()
    var world = World(options(&random, coalesces: true), random)
    world.outbox.bytesMax = 1 << 20
    for _ in 0..<5_000 {
      world.produce(keys: 100)
      world.pull()
      world.now += 1
    }
    #expect(world.outbox.owedChanges <= 100)
    world.drain()
    for (key, count) in world.counters { #expect(world.received[key] == [count]) }
  }

  @Test func whatCameWhileNothingWentOutBecomesOneChange() throws {
    var random = SeededRandom()
    var options = CountedOutbox.Options()
    options.coalesces = true
    var outbox = CountedOutbox(options, from: LSN(0))
    outbox.accept(LSN(1), [CountedChange(key: [1], new: 1)], now: 0)
    for step in 2...5 {
      let next = outbox.next(now: 1_000_000 * Int64(step))
      let sending = try #require(next)
      outbox.accept(
        LSN(UInt64(step)), [CountedChange(key: [1], old: step - 1, new: step)], now: 0)
      #expect(outbox.owedChanges == 2)
      let outcome: SendingOutcome =
        step % 2 == 0 ? .failed(wasSent: false, retryAfter: nil) : .cancelled(wasSent: false)
      _ = outbox.finish(sending.number, outcome, now: 1_000_000 * Int64(step), &random)
      #expect(outbox.owedChanges == 1)
    }
    let next = outbox.next(now: 9_000_000)
    let sending = try #require(next)
    #expect(sending.changes == [CountedChange(key: [1], new: 5)])
    _ = outbox.finish(sending.number, .delivered, now: 9_000_000, &random)
    #expect(outbox.owedChanges == 0 && outbox.takeProgress().cursor == LSN(5))
  }

  @Test func aFailingKeyDelaysNoOther() {
    var random = SeededRandom()
    var outbox = CountedOutbox(from: LSN(0))
    var delivered: Set<[UInt8]> = []
    for step in 1...5_000 {
      let key = [UInt8(step % 50 + 1)]
      outbox.accept(LSN(UInt64(step)), [CountedChange(key: key, new: step)], now: Int64(step))
      while let sending = outbox.next(now: Int64(step)) {
        let isPoison = sending.changes[0].key == [7]
        if !isPoison { delivered.insert(sending.changes[0].key) }
        _ = outbox.finish(
          sending.number, isPoison ? .failed(wasSent: true, retryAfter: nil) : .delivered,
          now: Int64(step), &random)
      }
      if outbox.hasProgress {
        let progress = outbox.takeProgress()
        outbox.recorded(progress)
        #expect(progress.cursor == LSN(UInt64(step)), "the cursor passes what fails")
      }
    }
    #expect(delivered.count == 49 && outbox.exceptionCount == 1)
    #expect(outbox.owedChanges <= CountedOutbox.rereadMax, "what is left is read again in its turn")
  }

  @Test func aSlowKeyHoldsTheCursorOnlyForAWhile() {
    var random = SeededRandom()
    var outbox = CountedOutbox(from: LSN(0))
    outbox.accept(LSN(1), [CountedChange(key: [1], new: 1)], now: 0)
    let slow = outbox.next(now: 0)
    #expect(slow != nil)
    for step in 2...UInt64(CountedOutbox.aheadMax + 10) {
      outbox.accept(LSN(step), [CountedChange(key: [2], new: Int(step))], now: 0)
      let sending = outbox.next(now: 0)
      _ = outbox.finish(sending?.number ?? 0, .delivered, now: 0, &random)
    }
    let progress = outbox.takeProgress()
    #expect(progress.cursor == outbox.end && progress.exceptions == [[1]: LSN(1)])
  }

  @Test func nothingMoreIsSentWhileMuchIsUnrecorded() {
    var random = SeededRandom()
    var outbox = CountedOutbox(from: LSN(0))
    var sent = 0
    for step in 1...1_000 {
      outbox.accept(
        LSN(UInt64(step)), [CountedChange(key: [UInt8(step % 200)], new: step)], now: 0)
      while let sending = outbox.next(now: 0) {
        sent += 1
        _ = outbox.finish(sending.number, .delivered, now: 0, &random)
      }
    }
    #expect(sent == CountedOutbox.unrecordedMax)
    let progress = outbox.takeProgress()
    outbox.recorded(progress)
    #expect(outbox.next(now: 0) != nil)
  }

  @Test func aReceiverThatIsDownIsAskedByOneProbe() {
    var random = SeededRandom()
    var outbox = CountedOutbox(from: LSN(0))
    for step in 1...200 {
      outbox.accept(LSN(UInt64(step)), [CountedChange(key: [UInt8(step)], new: 1)], now: 0)
    }
    var sent = 0
    var now: Int64 = 0
    while now < 60_000 {
      while let sending = outbox.next(now: now) {
        sent += 1
        #expect(now == 0 || outbox.underWay == 1)
        _ = outbox.finish(
          sending.number, .failed(wasSent: false, retryAfter: nil), now: now, &random)
      }
      now = max(outbox.nextTime(now: now) ?? .max, now + 1)
    }
    #expect(sent < CircuitBreaker.failuresMax + 20)
    // It comes back.
    var delivered = 0
    while delivered < 200, let time = outbox.nextTime(now: now), time < 1_000_000 {
      now = max(now, time)
      while let sending = outbox.next(now: now) {
        delivered += sending.changes.count
        _ = outbox.finish(sending.number, .delivered, now: now, &random)
      }
    }
    #expect(delivered == 200)
  }

  @Test func whatFailsForThreeDaysIsParkedAndItsKeyGoesOn() throws {
    var random = SeededRandom()
    var outbox = CountedOutbox(from: LSN(0))
    for step in 1...2 {
      outbox.accept(LSN(UInt64(step)), [CountedChange(key: [1], new: step)], now: 0)
    }
    var now: Int64 = 0
    var attempts = 0
    var parked: [CountedChange] = []
    while parked.isEmpty {
      let next = outbox.next(now: now)
      let sending = try #require(next)
      attempts += 1
      if case .parked(let changes) = outbox.finish(
        sending.number, .failed(wasSent: true, retryAfter: nil), now: now, &random)
      {
        parked = changes
      } else {
        let time = outbox.nextTime(now: now)
        now = try #require(time)
      }
    }
    #expect(parked.map(\.new) == [1])
    // The last attempt waits for the breaker, as any does.
    let end: Int64 = 72 * 3_600_000
    #expect((end...end + CircuitBreaker.pauseMax).contains(now), "\(now)")
    #expect((20...60).contains(attempts), "\(attempts) attempts")
    let time = outbox.nextTime(now: now)
    now = try #require(time)
    #expect(outbox.next(now: now)?.changes.map(\.new) == [2])
  }

  @Test func aReceiverThatAsksForTimeGetsIt() throws {
    var random = SeededRandom()
    var outbox = CountedOutbox(from: LSN(0))
    for step in 1...5 {
      outbox.accept(LSN(UInt64(step)), [CountedChange(key: [UInt8(step)], new: 1)], now: 0)
    }
    let next = outbox.next(now: 0)
    let sending = try #require(next)
    _ = outbox.finish(
      sending.number, .failed(wasSent: true, retryAfter: 90_000), now: 0, &random)
    #expect(outbox.next(now: 89_999) == nil && outbox.next(now: 90_000) != nil)
  }
}
