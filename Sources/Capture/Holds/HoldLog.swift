import Engine
import PGOutput

/// Reads the rows of `onhand.holds` out of the stream and tells the witness of them.
///
/// Beside the dataflow and not part of it: the order of rows matters here, and no view need read them.
final class HoldLog {
  private enum Column: String, CaseIterable {
    case id, status, instance, caller, reference, units
    case supersededBy = "superseded_by"
    case idempotencyKey = "idempotency_key"
  }

  private let witness: any HoldWitness
  private var relation: UInt32?
  /// By column of the tuple.
  private var columns: [Column?] = []

  init(_ witness: any HoldWitness) { self.witness = witness }

  /// Whether messages of a relation are for it.
  func takes(_ relation: UInt32) -> Bool { relation == self.relation }

  /// Takes note of where the columns are, if the relation is the holds'.
  func attach(_ message: RelationMessage) throws {
    guard message.schema == "onhand", message.name == "holds" else { return }
    relation = message.oid
    columns = message.columns.map { Column(rawValue: $0.name) }
    guard Set(columns.compactMap(\.self)).count == Column.allCases.count else {
      throw SchemaChanged("onhand.holds: it is not the table that `onhand init` made")
    }
  }

  /// - Returns: whether the step must end with the transaction.
  func insert(_ cursor: inout Cursor) throws -> Bool {
    witness.inserted(try row(&cursor, unchangedFrom: nil))
  }

  /// - Returns: whether the step must end with the transaction.
  func update(_ old: Message.OldTuple, _ cursor: inout Cursor) throws -> Bool {
    var before: HoldRow?
    switch old {
    case .none: break
    case .key: throw SchemaChanged("onhand.holds: its replica identity must be FULL")
    case .full:
      before = try row(&cursor, unchangedFrom: nil)
      try Message.expectNew(&cursor)
    }
    return witness.updated(from: before, to: try row(&cursor, unchangedFrom: before))
  }

  func delete(_ cursor: inout Cursor) throws {
    witness.deleted(try row(&cursor, unchangedFrom: nil))
  }

  private func row(_ cursor: inout Cursor, unchangedFrom old: HoldRow?) throws -> HoldRow {
    let tuple = try TupleData(&cursor)
    guard tuple.columnCount == columns.count else {
      throw DecodeError(offset: cursor.offset, expected: "\(columns.count) columns of a hold")
    }
    var values: [Column: UnsafeRawBufferPointer] = [:]
    var unchanged: Set<Column> = []
    for column in columns {
      let value = try tuple.next(&cursor)
      guard let column else { continue }
      switch value {
      case .binary(let bytes): values[column] = bytes
      case .null: break
      case .unchanged: unchanged.insert(column)
      case .text: throw DecodeError(offset: cursor.offset, expected: "binary values of a hold")
      }
    }
    func text(_ column: Column, _ old: String?) -> String? {
      unchanged.contains(column) ? old : values[column].map { String(decoding: $0, as: UTF8.self) }
    }
    guard let id = values[.id].flatMap(HoldID.init(wire:)),
      let instance = values[.instance].flatMap(HoldID.init(wire:)),
      let status = text(.status, nil).flatMap(HoldStatus.init(rawValue:)),
      let units = values[.units], units.count == 8
    else { throw DecodeError(offset: cursor.offset, expected: "a row of onhand.holds") }
    return HoldRow(
      id: id, status: status, instance: instance,
      supersededBy: values[.supersededBy].flatMap(HoldID.init(wire:)),
      caller: text(.caller, old?.caller) ?? "", reference: text(.reference, old?.reference),
      idempotencyKey: text(.idempotencyKey, old?.idempotencyKey),
      units: Int64(bigEndian: units.loadUnaligned(as: Int64.self)))
  }
}

/// Reads the rows of `onhand.holds` as of a snapshot.
struct HoldSnapshot {
  /// Rows fetched at a time.
  private static let rowsMax = 10_000

  static func read(_ connection: PostgresConnection, _ witness: any HoldWitness) throws {
    witness.snapshotBegins()
    try connection.execute(
      """
      DECLARE holds NO SCROLL CURSOR FOR
      SELECT id, status, instance, superseded_by, caller, reference, idempotency_key, units
      FROM onhand.holds ORDER BY created_at
      """)
    while true {
      let rows = try connection.execute("FETCH \(rowsMax) FROM holds")
      for row in rows { if let row = hold(row) { witness.snapshotHas(row) } }
      guard rows.count == rowsMax else { break }
    }
    try connection.execute("CLOSE holds")
    witness.snapshotEnds()
  }

  private static func hold(_ row: [String?]) -> HoldRow? {
    guard row.count == 8, let id = row[0].flatMap({ HoldID($0) }),
      let status = row[1].flatMap(HoldStatus.init(rawValue:)),
      let instance = row[2].flatMap({ HoldID($0) }), let caller = row[4],
      let units = row[7].flatMap({ Int64($0) })
    else { return nil }
    return HoldRow(
      id: id, status: status, instance: instance, supersededBy: row[3].flatMap { HoldID($0) },
      caller: caller, reference: row[5], idempotencyKey: row[6], units: units)
  }
}
