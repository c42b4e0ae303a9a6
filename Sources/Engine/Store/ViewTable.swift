import Synchronization

/// The rows of a view, for one writer and any number of readers.
///
/// Sharded by key; each shard is locked for one look-up or one change at a time. A key's record heads a list of
/// versions, newest first; a reader takes the first that is not newer than its sequence. Superseded versions are freed by
/// the writer once no reader can reach them.
package final class ViewTable: Sendable {
  private struct Shard: ~Copyable, Sendable {
    /// Payload: the newest version.
    var records = RowTable(payloadBytes: 8)

    deinit {
      records.forEachRecord { record in
        var version = ViewTable.newest(record)
        while let current = version {
          version = current.older
          current.free()
        }
      }
    }
  }

  /// A shard can't be an array's element otherwise.
  private final class LockedShard: Sendable {
    let shard = Mutex(Shard())
  }

  private struct Superseded {
    let record: RowTable.Record
    let shard: Int
    let sequence: UInt64
  }

  /// What only the writer touches.
  private struct Writer: ~Copyable {
    var superseded: [Superseded] = []
    var firstSuperseded = 0
    var liveKeys = 0
    var liveRows = 0
    var faultyKeys = 0
  }

  private let shards: [LockedShard]
  private let writer = Mutex(Writer())
  private let hasher: RowHasher

  /// Enough that two readers and a writer seldom meet.
  private static let shardCount = 64

  package init(hasher: RowHasher) {
    self.hasher = hasher
    shards = (0..<Self.shardCount).map { _ in LockedShard() }
  }

  /// Rows in the newest state, copies counted.
  package var rowCount: Int { writer.withLock { $0.liveRows } }
  /// Keys whose row has no right value.
  package var faultyCount: Int { writer.withLock { $0.faultyKeys } }

  // MARK: Reading

  /// The version of the row with `key` as of `sequence`; valid while the reader is inside the gate.
  package func find(_ key: RowRef, at sequence: UInt64) -> RowVersion? {
    let hash = hasher.hash(key)
    return shards[Self.shard(hash)].shard.withLock { shard in
      shard.records.find(key, hash: hash).flatMap { Self.version($0, at: sequence) }
    }
  }

  /// Calls `body` with every row as of `sequence`; it runs under a shard's lock and must be brief.
  package func forEachRow(at sequence: UInt64, _ body: (RowVersion) -> Void) {
    for locked in shards {
      locked.shard.withLock { shard in
        shard.records.forEachRecord { record in
          if let version = Self.version(record, at: sequence) { body(version) }
        }
      }
    }
  }

  private static func version(_ record: RowTable.Record, at sequence: UInt64) -> RowVersion? {
    var version = newest(record)
    while let current = version, current.sequence > sequence { version = current.older }
    return version.flatMap { $0.copies > 0 ? $0 : nil }
  }

  private static func newest(_ record: RowTable.Record) -> RowVersion? {
    record.payload.load(as: UnsafeMutableRawPointer?.self).map(RowVersion.init)
  }

  /// The upper bits choose the shard, the lower ones the place in its table.
  private static func shard(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash >> 58) & (shardCount - 1)
  }

  // MARK: Writing

  /// The newest version of a key, tombstones included; the writer's own look-up.
  func newest(_ key: RowRef) -> RowVersion? {
    let hash = hasher.hash(key)
    return shards[Self.shard(hash)].shard.withLock { shard in
      shard.records.find(key, hash: hash).flatMap { Self.newest($0) }
    }
  }

  /// The record of a key, by which a bootstrap remembers what it has seen.
  func record(_ key: RowRef) -> UnsafeRawPointer? {
    let hash = hasher.hash(key)
    return shards[Self.shard(hash)].shard.withLock { shard in
      shard.records.find(key, hash: hash).map { UnsafeRawPointer($0.base) }
    }
  }

  /// Gives `key` a new version; `copies` 0 takes the row away.
  func put(
    _ key: RowRef, row: UnsafeRawBufferPointer, json: UnsafeRawBufferPointer, copies: Int,
    fault: ValueFault?, sequence: UInt64
  ) {
    let hash = hasher.hash(key)
    let shardNumber = Self.shard(hash)
    shards[shardNumber].shard.withLock { shard in
      var inserted = false
      let record = shard.records.findOrInsert(key, hash: hash, inserted: &inserted)
      let current = Self.newest(record)
      let replacesOwn = current?.sequence == sequence
      let older = replacesOwn ? current?.older : current
      let version = RowVersion(
        sequence: sequence, older: older, copies: copies, row: row, json: json, fault: fault)
      writer.withLock { writer in
        let wasQueued = replacesOwn && current?.isQueued ?? false
        version.isQueued = wasQueued || older != nil || copies == 0
        if version.isQueued, !wasQueued {
          writer.superseded.append(
            Superseded(record: record, shard: shardNumber, sequence: sequence))
        }
        let before = current?.copies ?? 0
        writer.liveRows += copies - before
        writer.liveKeys += (copies > 0 ? 1 : 0) - (before > 0 ? 1 : 0)
        let wasFaulty = before > 0 && current?.fault != nil
        writer.faultyKeys += (copies > 0 && fault != nil ? 1 : 0) - (wasFaulty ? 1 : 0)
      }
      if replacesOwn { current?.free() }
      record.payload.storeBytes(of: version.base, as: UnsafeMutableRawPointer?.self)
    }
  }

  /// Calls `body` with every key's record and newest version, if it has a row.
  func forEachNewest(_ body: (UnsafeRawPointer, RowRef, RowVersion) -> Void) {
    for locked in shards {
      locked.shard.withLock { shard in
        shard.records.forEachRecord { record in
          if let version = Self.newest(record), version.copies > 0 {
            body(UnsafeRawPointer(record.base), record.key, version)
          }
        }
      }
    }
  }

  /// Frees what no reader at `oldestNeeded` or later can reach.
  func prune(oldestNeeded: UInt64) {
    let due = writer.withLock { Self.takeDue(&$0, oldestNeeded) }
    for entry in due {
      shards[entry.shard].shard.withLock { shard in
        Self.prune(entry, oldestNeeded, &shard.records)
      }
    }
  }

  private static func takeDue(_ writer: inout Writer, _ oldestNeeded: UInt64) -> [Superseded] {
    var end = writer.firstSuperseded
    while end < writer.superseded.count, writer.superseded[end].sequence <= oldestNeeded {
      end += 1
    }
    let due = Array(writer.superseded[writer.firstSuperseded..<end])
    writer.firstSuperseded = end
    if end == writer.superseded.count {
      writer.superseded.removeAll(keepingCapacity: end <= 65_536)
      writer.firstSuperseded = 0
    }
    return due
  }

  private static func prune(
    _ entry: Superseded, _ oldestNeeded: UInt64, _ records: inout RowTable
  ) {
    var version = newest(entry.record)
    while let current = version, current.sequence > oldestNeeded { version = current.older }
    guard let needed = version else { return }
    var unreachable = needed.older
    needed.older = nil
    while let current = unreachable {
      unreachable = current.older
      current.free()
    }
    // The entry of the tombstone itself removes the record; earlier entries of it may not.
    if needed.copies == 0, needed.sequence == entry.sequence,
      let head = newest(entry.record), head.base == needed.base
    {
      needed.free()
      records.remove(entry.record)
    }
  }
}
