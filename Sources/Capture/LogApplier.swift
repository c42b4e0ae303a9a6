import Engine
import PGOutput
import Runtime

/// Applies the messages of a replication stream to a dataflow, transaction by transaction.
///
/// One source transaction is one step; while it lags, several on end form one. Belongs to one queue.
final class LogApplier {
  /// What the stream asks of its owner.
  enum Request {
    case none
    /// To hear from us.
    case reply
    /// To look at the catalogs: a table was altered.
    case catalogLook
  }

  private struct Attachment {
    let input: TableInput
    /// By column of the tuple, the column of the source; negative if it is not in use.
    let columns: [Int]
  }

  private struct Transaction {
    let xid: UInt32
    let committedAt: Int64
  }

  /// Transactions that become one step; times in microseconds.
  private struct JoinedTransactions {
    let last: Transaction
    let end: LSN
    let count: Int
    let startedAt: Int64
    let lastArrivedAt: Int64

    /// When to make them visible, as of `now`: their time is up, or nothing more comes.
    func due(_ now: Int64) -> Int64 {
      min(startedAt + joiningTime(lag: now - last.committedAt), lastArrivedAt + quietTime)
    }
  }

  private let dataflow: Dataflow
  private let store: ViewStore
  private let epoch: Epoch
  private let status: CaptureStatus
  private let now: () -> Int64
  private let tables: [UInt32: PublishedTable]
  private var inputs: [UInt32: TableInput] = [:]
  /// Published, and read by no view.
  private var unknownTables: Set<UInt32> = []
  private let holds: HoldLog?
  // Unchecked for the reason given in `RowBatch`.
  @exclusivity(unchecked) private var attachments: [UInt32: Attachment] = [:]

  /// Everything up to here is applied, and visible unless it catches up.
  @exclusivity(unchecked) private(set) var position: LSN
  /// Up to here readers have seen everything before: it is taken in without a word. Nil from there on.
  @exclusivity(unchecked) private var seenUpTo: LSN?
  @exclusivity(unchecked) private var transaction: Transaction?
  @exclusivity(unchecked) private var isSkipping = false
  /// Transactions absorbed and not yet made visible.
  @exclusivity(unchecked) private var unfinished: JoinedTransactions?
  @exclusivity(unchecked) private var rowsInStep = 0
  /// Whether the transaction at hand has holds to be judged at its end, with nothing behind it.
  @exclusivity(unchecked) private var endsStep = false

  /// Whether the dataflow is not yet where readers are.
  var isCatchingUp: Bool { seenUpTo != nil }

  /// Whether nothing of a transaction is in the dataflow that readers do not see.
  var isAtRest: Bool { transaction == nil && unfinished == nil && seenUpTo == nil }

  /// Whether the step at hand has so many rows that more are likely to follow at once.
  var isInBulk: Bool { rowsInStep >= 64 }

  /// How long, in microseconds, transactions are joined into one step by one that committed `lag` microseconds ago.
  ///
  /// Each change of a row then counts once. The further behind, the longer a step may take: a reader sees data older than
  /// that anyway.
  private static func joiningTime(lag: Int64) -> Int64 {
    lag > 1_000_000 ? min(lag / 4, 500_000) : 0
  }

  /// Without news for so many microseconds, a step that waits for more ends.
  private static let quietTime: Int64 = 5_000

  /// - Parameters:
  ///   - tables: what the log will say of the dataflow's tables.
  ///   - position: of what the dataflow has.
  ///   - seenUpTo: how far readers are, if that is further.
  ///   - now: microseconds since 2000-01-01 UTC.
  init(
    _ dataflow: Dataflow, tables: [UInt32: PublishedTable], store: ViewStore,
    from position: Position, seenUpTo: LSN? = nil, status: CaptureStatus,
    now: @escaping () -> Int64
  ) {
    self.dataflow = dataflow
    self.tables = tables
    self.store = store
    epoch = position.epoch
    self.position = position.lsn
    self.seenUpTo = seenUpTo
    self.status = status
    self.now = now
    holds = store.holdWitness.map(HoldLog.init)
    for input in dataflow.inputs { inputs[input.source.relation] = input }
  }

  /// Takes one CopyData message.
  func apply(_ bytes: UnsafeRawBufferPointer) throws -> Request {
    var cursor = Cursor(bytes)
    switch try StreamMessage(&cursor) {
    case .data:
      return try apply(try Message(&cursor), &cursor)
    case .keepalive(let serverEnd, let wantsReply):
      let isStepOpen = try pause() != nil
      status.update { $0.serverEnd = serverEnd }
      // Inside a transaction the server may have sent less than it says.
      if transaction == nil, !isStepOpen, LSN(serverEnd) > position {
        position = LSN(serverEnd)
        guard try hasCaughtUp(before: position) else { return wantsReply ? .reply : .none }
        store.advance(to: Position(epoch: epoch, lsn: position))
        status.lagMicroseconds.set(0)
      }
      return wantsReply ? .reply : .none
    }
  }

  /// Takes note that the stream has nothing more at hand.
  ///
  /// - Returns: microseconds after which to come back, if a step is kept open for more.
  func pause() throws -> Int64? {
    guard let step = unfinished, transaction == nil else {
      if transaction == nil { _ = try hasCaughtUp(before: position) }
      return nil
    }
    let time = now()
    let rest = step.due(time) - time
    guard rest > 0 else {
      try finishStep()
      return nil
    }
    return rest
  }

  /// Makes visible what was absorbed.
  private func finishStep() throws {
    guard let step = unfinished, transaction == nil else { return }
    unfinished = nil
    endsStep = false
    position = step.end
    // Counted before it is visible: who sees a position finds all steps up to it counted, and may trust that there were none.
    status.steps.add()
    if isCatchingUp {
      try dataflow.passStep()
    } else {
      try dataflow.finishStep(
        at: Position(epoch: epoch, lsn: step.end), committedAt: step.last.committedAt,
        xid: step.last.xid, isJoined: step.count > 1)
    }
    status.transactions.add(step.count)
    status.rows.add(rowsInStep)
    status.update { $0.lastCommit = step.last.committedAt }
    status.lagMicroseconds.set(Int(max(0, now() - step.last.committedAt)))
    rowsInStep = 0
  }

  /// Has the views go on once the stream is past what readers have seen.
  ///
  /// - Parameter next: where what comes next begins.
  /// - Returns: whether they do, or did before.
  private func hasCaughtUp(before next: LSN) throws -> Bool {
    guard let seen = seenUpTo else { return true }
    guard next >= seen else { return false }
    try finishStep()
    seenUpTo = nil
    position = max(position, seen)
    try dataflow.goOn(at: Position(epoch: epoch, lsn: position))
    status.set(.streaming)
    return true
  }

  // MARK: Messages

  private func apply(_ message: Message, _ cursor: inout Cursor) throws -> Request {
    if let holds { try tell(holds, message, cursor) }
    switch message {
    case .insert(let relation):
      guard let attachment = attachments[relation], !isSkipping else { return .none }
      try read(&cursor, into: attachment.input.new, attachment)
      try attachment.input.insert()
      rowsInStep += 1
    case .update(let relation, let old):
      guard let attachment = attachments[relation], !isSkipping else { return .none }
      try update(attachment, old, &cursor)
    case .delete(let relation, let old):
      guard let attachment = attachments[relation], !isSkipping else { return .none }
      try check(old, attachment)
      try read(&cursor, into: attachment.input.old, attachment)
      try attachment.input.delete()
      rowsInStep += 1
    case .begin(let finalLSN, let committedAt, let xid):
      _ = try hasCaughtUp(before: LSN(finalLSN))
      transaction = Transaction(xid: xid, committedAt: committedAt)
      // Commit records do not overlap: one that starts before our position ends before or at it.
      isSkipping = LSN(finalLSN) < position
    case .commit(_, let endLSN, _): try commit(LSN(endLSN))
    case .relation(let relation): return try attach(relation) ? .none : .catalogLook
    case .truncate(let relations):
      guard !isSkipping else { return .none }
      for relation in relations { try inputs[relation]?.truncate() }
    case .other: break
    }
    return .none
  }

  /// Tells of rows of holds; views may read their table as well.
  private func tell(_ holds: HoldLog, _ message: Message, _ cursor: Cursor) throws {
    var cursor = cursor
    switch message {
    case .insert(let relation) where holds.takes(relation) && !isSkipping:
      endsStep = try holds.insert(&cursor) || endsStep
    case .update(let relation, let old) where holds.takes(relation) && !isSkipping:
      endsStep = try holds.update(old, &cursor) || endsStep
    case .delete(let relation, _) where holds.takes(relation) && !isSkipping:
      try holds.delete(&cursor)
    case .relation(let relation): try holds.attach(relation)
    case .truncate(let relations) where relations.contains(where: holds.takes) && !isSkipping:
      throw SchemaChanged("onhand.holds: it was emptied")
    case .begin, .commit, .insert, .update, .delete, .truncate, .other: break
    }
  }

  private func update(
    _ attachment: Attachment, _ old: Message.OldTuple, _ cursor: inout Cursor
  ) throws {
    switch old {
    case .none: break
    case .key, .full:
      try read(&cursor, into: attachment.input.old, attachment)
      try Message.expectNew(&cursor)
    }
    try read(&cursor, into: attachment.input.new, attachment)
    try check(old, attachment)
    try attachment.input.update(hasOld: old != .none)
    rowsInStep += 1
  }

  /// A key does not do where whole rows are expected.
  private func check(_ old: Message.OldTuple, _ attachment: Attachment) throws {
    switch (old, attachment.input.source.identity) {
    case (.key, .key), (.full, .full), (.full, .key), (.none, .key): break
    case (.key, .full), (.none, .full):
      throw SchemaChanged(
        "\(attachment.input.source.name): the log does not tell its whole old rows any more")
    }
  }

  private func commit(_ end: LSN) throws {
    guard let committed = transaction else { return }
    transaction = nil
    guard !isSkipping else {
      isSkipping = false
      return
    }
    let time = now()
    let step = JoinedTransactions(
      last: committed, end: end, count: (unfinished?.count ?? 0) + 1,
      startedAt: unfinished?.startedAt ?? time, lastArrivedAt: time)
    unfinished = step
    if endsStep || time >= step.due(time) { try finishStep() }
  }

  @inline(__always)
  private func read(
    _ cursor: inout Cursor, into values: UnsafeMutableBufferPointer<TableInput.WireValue>,
    _ attachment: Attachment
  ) throws {
    let tuple = try TupleData(&cursor)
    guard tuple.columnCount == attachment.columns.count else {
      throw DecodeError(
        offset: cursor.offset, expected: "\(attachment.columns.count) columns")
    }
    for column in 0..<tuple.columnCount {
      let value = try tuple.next(&cursor)
      let target = attachment.columns[column]
      guard target >= 0 else { continue }
      switch value {
      case .binary(let bytes): values[target] = .binary(bytes)
      case .null: values[target] = .null
      case .unchanged: values[target] = .unchanged
      case .text:
        throw DecodeError(
          offset: cursor.offset,
          expected: "binary values of \(attachment.input.source.columns[target].name)")
      }
    }
  }

  /// Maps the columns that the log now sends to those that the plan reads.
  ///
  /// They are known by their place: names may be exchanged, and types altered, with none of it in the rows. Columns added
  /// since come last.
  ///
  /// - Returns: whether it tells nothing new: not of a table altered, and not of one unknown, perhaps a new partition.
  private func attach(_ relation: RelationMessage) throws -> Bool {
    guard let input = inputs[relation.oid], let table = tables[relation.oid] else {
      return !unknownTables.insert(relation.oid).inserted
    }
    let known = relation.columns.prefix(table.columns.count)
    guard
      known.count == table.columns.count,
      zip(known, table.columns).allSatisfy({
        $0.name == $1.name && $0.typeOID == $1.typeOID && $0.typmod == $1.typmod
      })
    else { throw SchemaChanged("\(input.source.name): its columns were altered") }
    if case .key(let key) = input.source.identity, relation.replicaIdentity != "f" {
      let sent = zip(known, table.columns).filter { $0.0.isKey }.map { $0.1.attribute }
      guard Set(sent) == Set(key.map { input.source.columns[$0].attribute }) else {
        throw SchemaChanged("\(input.source.name): its replica identity was altered")
      }
    }
    var columns = Array(repeating: -1, count: relation.columns.count)
    for (index, column) in table.columns.enumerated() {
      columns[index] =
        input.source.columns.firstIndex { $0.attribute == column.attribute } ?? -1
    }
    return attachments.updateValue(
      Attachment(input: input, columns: columns), forKey: relation.oid) == nil
  }
}
