/// One request that is to be made.
package struct OutboxSending<Change: OutboxChange>: Sendable {
  /// By which the outbox knows it.
  package let number: Int
  package let changes: [Change]
  /// Failures so far.
  package let failures: Int
  /// Whether it was sent before and must be the same again.
  package let isFrozen: Bool
}

/// What became of a request.
package enum SendingOutcome: Hashable, Sendable {
  case delivered
  /// - Parameters:
  ///   - wasSent: whether any of it may have reached the receiver.
  ///   - retryAfter: milliseconds that the receiver wants to be left alone.
  case failed(wasSent: Bool, retryAfter: Int64?)
  /// We ended it; the receiver is not to blame.
  case cancelled(wasSent: Bool)
}

/// What a failure leads to.
package enum OutboxVerdict<Change: OutboxChange>: Sendable {
  case done
  /// Will be tried again after so many milliseconds.
  case retried(Int64)
  /// Was tried for three days: the outbox forgets it, and its keys go on.
  case parked([Change])
}

extension Outbox {
  package typealias Sending = OutboxSending<Change>
  package typealias Verdict = OutboxVerdict<Change>

  /// The next request to make now, which is under way from here on; nil for none.
  package mutating func next(now: Int64) -> Sending? {
    while maySend(now) {
      let hasDue = due.first.map { $0.due <= now } ?? false
      let hasFresh = isBatchRipe(now)
      guard hasDue || hasFresh, rate.nextAt(now: now) == nil else { return nil }
      let takesFresh = hasFresh && (!hasDue || prefersFresh)
      prefersFresh = !takesFresh
      guard let sending = takesFresh ? takeFresh(now) : takeDue(now) else { continue }
      _ = rate.take(now: now)
      breaker.sent()
      return sending
    }
    return nil
  }

  /// When ``next(now:)`` may have something to send, if nothing else happens; nil if that takes something else.
  package mutating func nextTime(now: Int64) -> Int64? {
    guard underWay < options.concurrency, unrecorded < Self.unrecordedMax else { return nil }
    var work: [Int64] = []
    if let first = due.first { work.append(first.due) }
    if let time = batchTime { work.append(time) }
    guard let earliest = work.min(), breaker.state != .probing else { return nil }
    return max(earliest, breaker.opensAt ?? 0, pausedUntil ?? 0, rate.nextAt(now: now) ?? 0)
  }

  private func maySend(_ now: Int64) -> Bool {
    underWay < options.concurrency && unrecorded < Self.unrecordedMax
      && breaker.permits(now: now) && pausedUntil.map { now >= $0 } ?? true
  }

  /// When what is ready may go: at once, or when it has waited for others.
  private var batchTime: Int64? {
    guard let key = ready.first, let readyAt = lanes[key]?.readyAt else { return nil }
    return readyChanges >= options.batchMax ? readyAt : readyAt + options.batchTime
  }

  private func isBatchRipe(_ now: Int64) -> Bool { batchTime.map { $0 <= now } ?? false }

  /// Nil where all that was ready is nothing to tell.
  private mutating func takeFresh(_ now: Int64) -> Sending? {
    var parts: [(key: Key, count: Int)] = []
    var changes: [Change] = []
    while changes.count < options.batchMax, !ready.isEmpty {
      let key = ready.removeFirst()
      guard var lane = lanes[key] else { continue }
      readyChanges -= lane.entries.count
      lane.readyAt = nil
      let room = options.batchMax - changes.count
      let taken = lane.entries.prefix(room).map(\.change)
      lane.taken = taken.count
      lane.isFrozen = true
      lanes[key] = lane
      parts.append((key, taken.count))
      changes += taken.filter { !$0.isNothing }
    }
    lastNumber += 1
    deliveries[lastNumber] = Delivery(parts: parts)
    return begin(lastNumber, changes, now)
  }

  private mutating func takeDue(_ now: Int64) -> Sending? {
    let number = due.removeFirst().number
    guard let delivery = deliveries[number] else { return nil }
    let changes = delivery.parts.flatMap { part in
      lanes[part.key]?.entries.prefix(part.count).map(\.change) ?? []
    }
    for part in delivery.parts { lanes[part.key]?.isFrozen = true }
    return begin(number, delivery.isFrozen ? changes : changes.filter { !$0.isNothing }, now)
  }

  private mutating func begin(_ number: Int, _ changes: [Change], _ now: Int64) -> Sending? {
    guard !changes.isEmpty else {
      complete(number, now: now)
      return nil
    }
    underWay += 1
    deliveries[number]?.isUnderWay = true
    let failures = deliveries[number]?.failures ?? 0
    return Sending(
      number: number, changes: changes, failures: failures,
      isFrozen: deliveries[number]?.isFrozen ?? false)
  }

  // MARK: What became of it

  package func failures(of number: Int) -> Int { deliveries[number]?.failures ?? 0 }

  package mutating func finish(
    _ number: Int, _ outcome: SendingOutcome, now: Int64,
    _ random: inout some RandomNumberGenerator
  ) -> Verdict {
    guard var delivery = deliveries[number], delivery.isUnderWay else { return .done }
    underWay -= 1
    delivery.isUnderWay = false
    switch outcome {
    case .delivered:
      breaker.succeeded()
      complete(number, now: now)
      return .done
    case .cancelled(let wasSent):
      delivery.isFrozen = delivery.isFrozen || wasSent
      breaker.reset()
      keep(number, delivery, due: now)
      return .retried(0)
    case .failed(let wasSent, let retryAfter):
      delivery.isFrozen = delivery.isFrozen || wasSent
      return fail(number, delivery, retryAfter, now, &random)
    }
  }

  private mutating func fail(
    _ number: Int, _ delivery: Delivery, _ retryAfter: Int64?, _ now: Int64,
    _ random: inout some RandomNumberGenerator
  ) -> Verdict {
    var delivery = delivery
    delivery.failures += 1
    let firstSentAt = delivery.firstSentAt ?? now
    delivery.firstSentAt = firstSentAt
    breaker.failed(now: now, &random)
    if let retryAfter {
      pausedUntil = now + min(retryAfter, AttemptSchedule.retryAfterMax)
    }
    let delay = schedule.delay(
      after: delivery.failures, age: now - firstSentAt, retryAfter: retryAfter, &random)
    guard let delay else {
      let parked = delivery.parts.flatMap { part in
        lanes[part.key]?.entries.prefix(part.count).map(\.change) ?? []
      }
      complete(number, now: now)
      return .parked(parked)
    }
    keep(number, delivery, due: now + delay)
    for part in delivery.parts { except(part.key) }
    return .retried(delay)
  }

  private mutating func keep(_ number: Int, _ delivery: Delivery, due time: Int64) {
    deliveries[number] = delivery
    due.add(number, due: time)
    for part in delivery.parts {
      lanes[part.key]?.isFrozen = delivery.isFrozen
      if options.coalesces, !delivery.isFrozen { join(part.key) }
    }
  }

  /// Makes one change of the last that never went out and those that came while it was under way.
  private mutating func join(_ key: Key) {
    guard var lane = lanes[key], lane.taken > 0, lane.entries.count > lane.taken else { return }
    let last = lane.taken - 1
    byteCount -= lane.entries[last].change.byteCount
    for entry in lane.entries.dropFirst(lane.taken) {
      lane.entries[last].change.absorb(entry.change)
      changeCount -= 1
      byteCount -= entry.change.byteCount
      if !lane.isExcepted { ledger.settle(entry.lsn, isDelivered: false) }
    }
    byteCount += lane.entries[last].change.byteCount
    lane.entries.removeLast(lane.entries.count - lane.taken)
    lanes[key] = lane
  }

  /// Takes the delivery's changes off, and lets its keys go on.
  private mutating func complete(_ number: Int, now: Int64) {
    guard let delivery = deliveries.removeValue(forKey: number) else { return }
    for (key, count) in delivery.parts {
      guard var lane = lanes[key] else { continue }
      for _ in 0..<count {
        let entry = lane.entries.removeFirst()
        changeCount -= 1
        byteCount -= entry.change.byteCount
        if !lane.isExcepted { ledger.settle(entry.lsn, isDelivered: true) }
      }
      unrecorded += count
      lane.taken = 0
      lane.isFrozen = false
      lanes[key] = lane
      settleLane(key, now: now)
    }
  }

  /// Makes a lane that has nothing under way ready, has it read again, or takes it away.
  mutating func settleLane(_ key: Key, now: Int64) {
    guard var lane = lanes[key], lane.taken == 0 else { return }
    if lane.isExcepted { changedExceptions.insert(key) }
    if !lane.entries.isEmpty {
      if lane.readyAt == nil { makeReady(&lane, key, now: now) }
      lanes[key] = lane
    } else if lane.spilledFrom != nil {
      rereads.insert(key)
    } else {
      lanes[key] = nil
      exceptions.remove(key)
    }
  }

  /// Lets the cursor pass what is owed to `key`, which is remembered by itself from now on.
  ///
  /// Not with an empty key, which is none of a row: what it stands for can't be read again.
  mutating func except(_ key: Key) {
    guard !key.isEmpty, exceptions.count < Self.exceptionsMax, var lane = lanes[key],
      !lane.isExcepted
    else { return }
    lane.isExcepted = true
    lanes[key] = lane
    exceptions.insert(key)
    changedExceptions.insert(key)
    for entry in lane.entries { ledger.settle(entry.lsn, isDelivered: false) }
  }
}
