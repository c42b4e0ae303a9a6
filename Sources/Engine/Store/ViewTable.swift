import Synchronization

/// The rows of a view, for one writer and any number of readers.
///
/// Sharded by key; each shard is locked for one look-up or one change at a time. A key's record heads a list of
/// versions, newest first; a reader takes the first that is not newer than its sequence. Superseded versions are freed by
/// the writer once no reader can reach them.
package final class ViewTable: Sendable {
  private struct Shard: ~Copyable, Sendable {
    /// Payload: the newest version, then what ``KeyGroups`` needs.
    var records: RowTable

    init(payloadBytes: Int) { records = RowTable(payloadBytes: payloadBytes) }

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
  private final class LockedShard: @unchecked Sendable {
    private let lock = Mutex<Void>(())
    // Unchecked since the lock, or being the only one, sees to it.
    @exclusivity(unchecked) private var shard: Shard

    init(payloadBytes: Int) { shard = Shard(payloadBytes: payloadBytes) }

    @inline(__always)
    func withLock<Result>(_ body: (inout Shard) throws -> Result) rethrows -> Result {
      try lock.withLock { _ in try body(&shard) }
    }

    /// For the writer while it changes nothing: readers don't either. A forked child may find the lock held by a thread that it
    /// does not have.
    func withoutLock(_ body: (borrowing Shard) throws -> Void) rethrows { try body(shard) }
  }

  private struct Superseded {
    let record: RowTable.Record
    let shard: Int
    let sequence: UInt64
  }

  /// The first step that readers see it at.
  let birth: UInt64
  private let shards: [LockedShard]
  private let hasher: RowHasher
  private let groups: KeyGroups?
  /// The column by which rows can be found besides, among the key's.
  let groupColumn: Int?
  /// Versions that have an older one, and tombstones, by the sequence of the step that made them; only the writer's.
  private nonisolated(unsafe) var superseded: [Superseded] = []
  private nonisolated(unsafe) var firstSuperseded = 0
  /// Rows in the newest state, copies counted; only the writer's, as the next.
  private(set) nonisolated(unsafe) var rowCount = 0
  /// Keys whose row has no right value.
  private(set) nonisolated(unsafe) var faultyCount = 0

  /// Enough that two readers and a writer seldom meet.
  private static let shardCount = 64

  package init(hasher: RowHasher, birth: UInt64 = 1) {
    self.birth = birth
    self.hasher = hasher
    groups = nil
    groupColumn = nil
    shards = (0..<Self.shardCount).map { _ in LockedShard(payloadBytes: 8) }
  }

  /// A table whose rows can be found by one column of their key.
  ///
  /// - Parameter column: among the key's.
  init(hasher: RowHasher, birth: UInt64 = 1, keyTypes: [ColumnType], groupedBy column: Int) {
    self.birth = birth
    self.hasher = hasher
    groups = KeyGroups(keyTypes: keyTypes, column: column, hasher: hasher)
    groupColumn = column
    shards = (0..<Self.shardCount).map { _ in
      LockedShard(payloadBytes: 8 + KeyGroups.payloadBytes)
    }
  }

  // MARK: Reading

  /// The version of the row with `key` as of `sequence`; valid while the reader is inside the gate.
  package func find(_ key: RowRef, at sequence: UInt64) -> RowVersion? {
    let hash = hasher.hash(key)
    return shards[Self.shard(hash)].withLock { shard in
      shard.records.find(key, hash: hash).flatMap { Self.version($0, at: sequence) }
    }
  }

  /// The newest version of the row with `key`, for the writer.
  func findNewest(_ key: RowRef) -> RowVersion? { find(key, at: .max) }

  /// Calls `body` with rows of a group as of `sequence`, in the order of their keys' hashes, until it returns false.
  ///
  /// - Parameter first: of the hashes; rows of smaller ones have been gone through.
  /// - Returns: the first of the hashes that are left; nil if all rows have been gone through.
  package func forEachRow(
    ofGroup group: RowRef, from first: UInt64, at sequence: UInt64, until body: (RowVersion) -> Bool
  ) -> UInt64? {
    var rows: [(hash: UInt64, version: RowVersion)] = []
    groups?.forEachRecord(of: group) { record in
      guard record.hash >= first else { return }
      shards[Self.shard(record.hash)].withLock { _ in
        if let version = Self.version(record, at: sequence) { rows.append((record.hash, version)) }
      }
    }
    return Self.forEach(&rows, body).flatMap { $0 < .max ? $0 + 1 : nil }
  }

  /// Calls `body` with rows in the order of hashes until it returns false; those that share a hash are not parted.
  ///
  /// - Returns: the hash of the last row, if others are left.
  private static func forEach(
    _ rows: inout [(hash: UInt64, version: RowVersion)], _ body: (RowVersion) -> Bool
  ) -> UInt64? {
    rows.sort { $0.hash < $1.hash }
    var isEnough = false
    for (place, row) in rows.enumerated() {
      if isEnough, rows[place - 1].hash != row.hash { return rows[place - 1].hash }
      if !body(row.version) { isEnough = true }
    }
    return nil
  }

  /// The versions of all rows of a group as of `sequence`, in any order; nil if the table is not grouped.
  ///
  /// - Parameter group: the value of the grouping column, as a row of it alone.
  package func find(group: RowRef, at sequence: UInt64) -> [RowVersion]? {
    guard let groups else { return nil }
    var versions: [RowVersion] = []
    groups.forEachRecord(of: group) { record in
      shards[Self.shard(record.hash)].withLock { _ in
        if let version = Self.version(record, at: sequence) { versions.append(version) }
      }
    }
    return versions
  }

  /// Calls `body` with every row as of `sequence`; versions are valid while the reader is inside the gate.
  package func forEachRow(at sequence: UInt64, _ body: (RowVersion) -> Void) {
    forEachRow(in: .whole, at: sequence, body)
  }

  /// Calls `body` with rows of one slice as of `sequence`, in the order of their keys' hashes, until it returns false.
  ///
  /// A key is in the same slice for ever, however the table grows: who takes one slice after the other meets each key once.
  ///
  /// - Returns: what is left of the slice; nil if all its rows have been gone through.
  package func forEachRow(
    in slice: TableSlice, at sequence: UInt64, until body: (RowVersion) -> Bool
  ) -> TableSlice? {
    var rows: [(hash: UInt64, version: RowVersion)] = []
    for shard in slice.shards(of: Self.shardCount) {
      shards[shard].withLock { shard in
        shard.records.forEachRecord { record in
          guard slice.contains(record.hash) else { return }
          if let version = Self.version(record, at: sequence) {
            rows.append((record.hash, version))
          }
        }
      }
    }
    return Self.forEach(&rows, body).flatMap(slice.rest)
  }

  /// Calls `body` with the rows of one slice as of `sequence`, in any order.
  private func forEachRow(in slice: TableSlice, at sequence: UInt64, _ body: (RowVersion) -> Void) {
    var versions: [RowVersion] = []
    for shard in slice.shards(of: Self.shardCount) {
      // What the caller does with the rows must not keep the writer from the shard.
      shards[shard].withLock { shard in
        shard.records.forEachRecord { record in
          guard slice.contains(record.hash) else { return }
          if let version = Self.version(record, at: sequence) { versions.append(version) }
        }
      }
      for version in versions { body(version) }
      versions.removeAll(keepingCapacity: true)
    }
  }

  /// Some rows as of `sequence`, at most `count`, of keys chosen at random; versions are valid while the reader is inside the
  /// gate. Goes through the records of one shard for each few.
  package func sample(
    _ count: Int, at sequence: UInt64, using random: inout some RandomNumberGenerator
  ) -> [(key: [UInt8], version: RowVersion)] {
    var found: [(key: [UInt8], version: RowVersion)] = []
    for number in (0..<Self.shardCount).shuffled(using: &random) {
      guard found.count < count else { break }
      var rows: [(key: [UInt8], version: RowVersion)] = []
      var seen = 0
      var generator = random
      // Reservoir sampling (Vitter's algorithm R): each row of the shard is as likely.
      let share = max(1, (count + Self.shardCount - 1) / Self.shardCount)
      shards[number].withLock { shard in
        shard.records.forEachRecord { record in
          guard let version = Self.version(record, at: sequence) else { return }
          seen += 1
          if rows.count < share {
            rows.append((Array(record.key.bytes), version))
          } else if case let place = Int.random(in: 0..<seen, using: &generator), place < share {
            rows[place] = (Array(record.key.bytes), version)
          }
        }
      }
      random = generator
      found += rows.prefix(count - found.count)
    }
    return found
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

  // MARK: State

  /// Calls `body` with the newest version of every row, shard by shard; takes no lock, and is for the writer between steps.
  ///
  /// - Parameter begin: called before each shard, with the number of its keys.
  func forEachNewestWithoutLocks(
    _ begin: (Int) throws -> Void, _ body: (RowVersion) throws -> Void
  ) rethrows {
    for locked in shards {
      try locked.withoutLock { shard in
        try begin(shard.records.count)
        try shard.records.forEachInPlaceOrder { record in
          if let version = Self.newest(record), version.copies > 0 { try body(version) }
        }
      }
    }
  }

  static var stateShardCount: Int { shardCount }

  /// Makes room in an empty shard.
  func reserve(_ keys: Int, inShard number: Int) {
    shards[number].withLock { $0.records.reserve(keys) }
  }

  // MARK: Writing

  /// One key's place, while the writer holds its shard.
  struct Slot {
    fileprivate let table: ViewTable
    fileprivate let record: RowTable.Record
    fileprivate let shard: Int

    /// Tells the key from others while it is in the table.
    var id: UnsafeRawPointer { UnsafeRawPointer(record.base) }
    var key: RowRef { record.key }
    /// Tombstones included; nil only for a key without history.
    var newest: RowVersion? { ViewTable.newest(record) }

    func put(
      _ row: RowRef, json: UnsafeRawBufferPointer, copies: Int, fault: ValueFault?,
      sequence: UInt64
    ) {
      table.put(
        RowContents(row: row.bytes, json: json, copies: copies, fault: fault), at: self, sequence)
    }

    func remove(sequence: UInt64) {
      guard newest != nil else { return }
      table.put(.none, at: self, sequence)
    }
  }

  /// Holds the key's shard for `body`, which must not touch the table otherwise.
  func edit(_ key: RowRef, _ body: (Slot) -> Void) {
    let hash = hasher.hash(key)
    let number = Self.shard(hash)
    let added = shards[number].withLock { shard -> RowTable.Record? in
      var inserted = false
      let record = shard.records.findOrInsert(key, hash: hash, inserted: &inserted)
      body(Slot(table: self, record: record, shard: number))
      guard inserted else { return nil }
      guard Self.newest(record) != nil else {
        shard.records.remove(record)
        return nil
      }
      return record
    }
    if let added { groups?.add(added) }
  }

  /// Calls `body` with every key that has a row in the newest state.
  func forEachNewest(_ body: (Slot, RowVersion) -> Void) {
    for (number, locked) in shards.enumerated() {
      locked.withLock { shard in
        shard.records.forEachRecord { record in
          if let version = Self.newest(record), version.copies > 0 {
            body(Slot(table: self, record: record, shard: number), version)
          }
        }
      }
    }
  }

  private func put(_ contents: RowContents, at slot: Slot, _ sequence: UInt64) {
    let current = slot.newest
    let replacesOwn = current?.sequence == sequence
    let older = replacesOwn ? current?.older : current
    let version = RowVersion(sequence: sequence, older: older, contents)
    let wasQueued = replacesOwn && current?.isQueued ?? false
    version.isQueued = wasQueued || older != nil || contents.copies == 0
    if version.isQueued, !wasQueued {
      superseded.append(Superseded(record: slot.record, shard: slot.shard, sequence: sequence))
    }
    count(current, -1)
    count(version, 1)
    if replacesOwn { current?.free() }
    slot.record.payload.storeBytes(of: version.base, as: UnsafeMutableRawPointer?.self)
  }

  private func count(_ version: RowVersion?, _ sign: Int) {
    guard let version, version.copies > 0 else { return }
    rowCount += sign * version.copies
    if version.fault != nil { faultyCount += sign }
  }

  /// Removes the versions of steps after `sequence`, which no reader may have seen.
  func rollBack(to sequence: UInt64) {
    while let last = superseded.last, last.sequence > sequence { superseded.removeLast() }
    for locked in shards {
      let gone = locked.withLock { shard in
        var ahead: [RowTable.Record] = []
        shard.records.forEachRecord { record in
          if let newest = Self.newest(record), newest.sequence > sequence { ahead.append(record) }
        }
        return ahead.filter { rollBack($0, to: sequence) }
      }
      for record in gone { groups?.remove(record) }
      locked.withLock { shard in
        for record in gone { shard.records.remove(record) }
      }
    }
  }

  /// Frees the versions after `sequence`; true if the record has no other.
  private func rollBack(_ record: RowTable.Record, to sequence: UInt64) -> Bool {
    var version = Self.newest(record)
    count(version, -1)
    while let current = version, current.sequence > sequence {
      version = current.older
      current.free()
    }
    count(version, 1)
    record.payload.storeBytes(of: version?.base, as: UnsafeMutableRawPointer?.self)
    return version == nil
  }

  /// Frees what no reader at `oldestNeeded` or later can reach.
  func prune(oldestNeeded: UInt64) {
    while firstSuperseded < superseded.count,
      superseded[firstSuperseded].sequence <= oldestNeeded
    {
      let entry = superseded[firstSuperseded]
      firstSuperseded += 1
      let isGone = shards[entry.shard].withLock { _ in Self.prune(entry, oldestNeeded) }
      if isGone { remove(entry) }
    }
    guard firstSuperseded == superseded.count else { return }
    superseded.removeAll(keepingCapacity: firstSuperseded <= 65_536)
    firstSuperseded = 0
  }

  /// Frees the versions that no reader can reach; true if the record itself is to go.
  private static func prune(_ entry: Superseded, _ oldestNeeded: UInt64) -> Bool {
    var version = newest(entry.record)
    while let current = version, current.sequence > oldestNeeded { version = current.older }
    guard let needed = version else { return false }
    var unreachable = needed.older
    needed.older = nil
    while let current = unreachable {
      unreachable = current.older
      current.free()
    }
    // The entry of the tombstone itself removes the record; earlier entries of it may not.
    return needed.copies == 0 && needed.sequence == entry.sequence
      && newest(entry.record)?.base == needed.base
  }

  /// Removes a record that holds nothing but a tombstone; first from its group, whose lock may not be taken
  /// inside of a shard's.
  private func remove(_ entry: Superseded) {
    groups?.remove(entry.record)
    shards[entry.shard].withLock { shard in
      Self.newest(entry.record)?.free()
      shard.records.remove(entry.record)
    }
  }
}
