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
    case reply
  }

  /// The table's shape is no longer the one that the plan was compiled for.
  struct SchemaChanged: Error, CustomStringConvertible {
    let table: String
    let change: String
    var description: String { "\(table): \(change)" }
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
  private var inputs: [UInt32: TableInput] = [:]
  // Unchecked for the reason given in `RowBatch`.
  @exclusivity(unchecked) private var attachments: [UInt32: Attachment] = [:]

  /// Everything up to here is applied and visible.
  @exclusivity(unchecked) private(set) var position: LSN
  @exclusivity(unchecked) private var transaction: Transaction?
  @exclusivity(unchecked) private var isSkipping = false
  /// Transactions absorbed and not yet made visible.
  @exclusivity(unchecked) private var unfinished: JoinedTransactions?
  @exclusivity(unchecked) private var rowsInStep = 0

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

  /// - Parameter now: microseconds since 2000-01-01 UTC.
  init(
    _ dataflow: Dataflow, store: ViewStore, from position: Position, status: CaptureStatus,
    now: @escaping () -> Int64
  ) {
    self.dataflow = dataflow
    self.store = store
    epoch = position.epoch
    self.position = position.lsn
    self.status = status
    self.now = now
    for input in dataflow.inputs { inputs[input.source.relation] = input }
  }

  /// Takes one CopyData message.
  func apply(_ bytes: UnsafeRawBufferPointer) throws -> Request {
    var cursor = Cursor(bytes)
    switch try StreamMessage(&cursor) {
    case .data:
      try apply(try Message(&cursor), &cursor)
      return .none
    case .keepalive(let serverEnd, let wantsReply):
      let isStepOpen = try pause() != nil
      status.update { $0.serverEnd = serverEnd }
      // Inside a transaction the server may have sent less than it says.
      if transaction == nil, !isStepOpen, LSN(serverEnd) > position {
        position = LSN(serverEnd)
        store.advance(to: Position(epoch: epoch, lsn: position))
      }
      return wantsReply ? .reply : .none
    }
  }

  /// Takes note that the stream has nothing more at hand.
  ///
  /// - Returns: microseconds after which to come back, if a step is kept open for more.
  func pause() throws -> Int64? {
    guard let step = unfinished, transaction == nil else { return nil }
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
    position = step.end
    try dataflow.finishStep(
      at: Position(epoch: epoch, lsn: step.end), committedAt: step.last.committedAt, xid: step.last.xid)
    status.transactions.add(step.count)
    status.steps.add()
    status.rows.add(rowsInStep)
    status.update { $0.lastCommit = step.last.committedAt }
    rowsInStep = 0
  }

  // MARK: Messages

  private func apply(_ message: Message, _ cursor: inout Cursor) throws {
    switch message {
    case .insert(let relation):
      guard let attachment = attachments[relation], !isSkipping else { return }
      try read(&cursor, into: attachment.input.new, attachment)
      try attachment.input.insert()
      rowsInStep += 1
    case .update(let relation, let old):
      guard let attachment = attachments[relation], !isSkipping else { return }
      try update(attachment, old, &cursor)
    case .delete(let relation, _):
      guard let attachment = attachments[relation], !isSkipping else { return }
      try read(&cursor, into: attachment.input.old, attachment)
      try attachment.input.delete()
      rowsInStep += 1
    case .begin(let finalLSN, let committedAt, let xid):
      transaction = Transaction(xid: xid, committedAt: committedAt)
      // Commit records do not overlap: one that starts before our position ends before or at it.
      isSkipping = LSN(finalLSN) < position
    case .commit(_, let endLSN, _): try commit(LSN(endLSN))
    case .relation(let relation): try attach(relation)
    case .truncate(let relations):
      guard !isSkipping else { return }
      for relation in relations { try inputs[relation]?.truncate() }
    case .other: break
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
    switch (old, attachment.input.source.identity) {
    case (.none, _), (.key, .key), (.full, .full), (.full, .key): break
    case (.key, .full):
      throw SchemaChanged(
        table: attachment.input.source.name.description, change: "its replica identity changed")
    }
    try attachment.input.update(hasOld: old != .none)
    rowsInStep += 1
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
    if time >= step.due(time) { try finishStep() }
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
  private func attach(_ relation: RelationMessage) throws {
    guard let input = inputs[relation.oid] else { return }
    let name = input.source.name.description
    var columns = Array(repeating: -1, count: relation.columns.count)
    for (index, column) in input.source.columns.enumerated() {
      guard let sent = relation.columns.firstIndex(where: { $0.name == column.name }) else {
        throw SchemaChanged(table: name, change: "column \(column.name) is gone or renamed")
      }
      guard relation.columns[sent].typeOID == column.typeOID else {
        throw SchemaChanged(table: name, change: "column \(column.name) has another type")
      }
      columns[sent] = index
    }
    attachments[relation.oid] = Attachment(input: input, columns: columns)
  }
}
