import Synchronization

/// A view as readers find it: what it is, its rows, and whether they are right.
package final class LiveView: Sendable {
  package let definition: Plan.View
  package let rowLayout: RowLayout
  package let table: ViewTable
  /// What tells it from views of the same name that were something else.
  package let generation: Generation
  /// The columns that a row is addressed by, or all of them where none are chosen.
  package let keyColumns: [Int]
  let keySlots: [ColumnSlot]
  package let keyTypes: [ColumnType]
  private let keyWriter: RowJSONWriter
  private let quotedKeyWriter: RowJSONWriter
  /// Writes rows as they are stored with their JSON.
  package let rowWriter: RowJSONWriter
  private let history: Mutex<StatusHistory>
  private let distrust = Mutex<String?>(nil)

  init(definition: Plan.View, table: ViewTable, status: ViewStatus = ViewStatus()) {
    history = Mutex(StatusHistory(status))
    self.definition = definition
    self.table = table
    generation = Generation(of: definition)
    let layout = RowLayout(definition.columns.map(\.type))
    rowLayout = layout
    let key = definition.key.isEmpty ? Array(definition.columns.indices) : definition.key
    keyColumns = key
    keySlots = key.map { layout.slots[$0] }
    keyTypes = key.map { definition.columns[$0].type }
    keyNamesJSON = Self.namesJSON(definition.key.map { definition.columns[$0].name })
    rowWriter = RowJSONWriter(columns: definition.columns)
    let members = key.map {
      RowJSONWriter.Member(name: definition.columns[$0].name, column: $0)
    }
    keyWriter = RowJSONWriter(members, of: definition.columns, tellsFaults: true)
    quotedKeyWriter = RowJSONWriter(
      members, of: definition.columns, quotesBigNumbers: true, tellsFaults: true)
  }

  package var name: QualifiedName { definition.name }

  /// Whether a row is addressed by chosen columns and not by the whole of it.
  package var hasKey: Bool { !definition.key.isEmpty }

  /// The view as a whole as of `sequence`, for a reader inside the gate.
  package func status(at sequence: UInt64) -> ViewStatus {
    var status = history.withLock { $0.status(at: sequence) }
    if let reason = distrust.withLock({ $0 }) { status.degradation = reason }
    return status
  }

  /// What rows are found by in the table.
  ///
  /// Where the whole row is the key, rows that are spelled differently are different rows.
  func makeKeyBuilder() -> CanonicalKey { CanonicalKey(keyTypes, mergesSpellings: hasKey) }

  /// The key's columns as an object of JSON, as `row` has them.
  ///
  /// - Parameter quotesBigNumbers: as in the rows that the key is to be compared with.
  package func keyJSON(of row: RowRef, quotesBigNumbers: Bool = false) -> [UInt8] {
    var json: [UInt8] = []
    (quotesBigNumbers ? quotedKeyWriter : keyWriter).write(row, to: &json)
    return json
  }

  /// The names of the key's columns as a list of JSON, which is empty where the view has no key.
  package let keyNamesJSON: [UInt8]

  /// The columns that tell rows apart: the key, or all of them where the view has none.
  package var identifyingColumns: [String] { keyColumns.map { definition.columns[$0].name } }

  /// Why a row has no right value: its own fault, or that of its first column that has one.
  package func fault(of row: RowRef) -> ValueFault? {
    if let fault = row.fault { return fault }
    for slot in rowLayout.slots {
      if case .fault(let fault) = row.datum(slot) { return fault }
    }
    return nil
  }

  private static func namesJSON(_ names: [String]) -> [UInt8] {
    var json: [UInt8] = [UInt8(ascii: "[")]
    for (index, name) in names.enumerated() {
      if index > 0 { json.append(UInt8(ascii: ",")) }
      JSONText.write(text: name, to: &json)
    }
    json.append(UInt8(ascii: "]"))
    return json
  }

  // MARK: Writing

  func setStatus(_ status: ViewStatus, at sequence: UInt64) {
    history.withLock { $0.add(status, at: sequence) }
  }

  func prune(oldestNeeded: UInt64) {
    table.prune(oldestNeeded: oldestNeeded)
    history.withLock { $0.prune(oldestNeeded: oldestNeeded) }
  }

  /// Takes back what steps after `sequence` left, which nobody has seen.
  func rollBack(to sequence: UInt64) {
    table.rollBack(to: sequence)
    history.withLock { $0.rollBack(to: sequence) }
  }

  /// Degrades the view for as long as it lives: nothing that the log brings can mend it.
  func setDistrust(_ reason: String) { distrust.withLock { $0 = reason } }

  /// Whether rows of `other` can be read as rows of this view.
  func isCompatible(with other: Plan.View) -> Bool {
    definition.key == other.key
      && definition.columns.elementsEqual(other.columns) { own, other in
        own.name.isSameName(as: other.name) && own.type == other.type
      }
  }
}

/// The views that are served, found by name.
package final class ViewDirectory: Sendable {
  package let views: [LiveView]

  package init(_ views: [LiveView]) { self.views = views }

  package subscript(name: QualifiedName) -> LiveView? { views.first { $0.name == name } }

  /// The view called `schema.name`, or `name` where only one schema has it.
  package func find(_ name: UnsafeRawBufferPointer) -> LiveView? {
    var found: LiveView?
    for view in views {
      if Self.matches(name, view.name, qualified: true) { return view }
      if Self.matches(name, view.name, qualified: false) {
        if found != nil { return nil }
        found = view
      }
    }
    return found
  }

  private static func matches(
    _ bytes: UnsafeRawBufferPointer, _ name: QualifiedName, qualified: Bool
  ) -> Bool {
    let schema = qualified ? name.schema.utf8.count + 1 : 0
    guard bytes.count == schema + name.name.utf8.count else { return false }
    if qualified {
      guard bytes[schema - 1] == UInt8(ascii: "."),
        bytes.prefix(schema - 1).elementsEqual(name.schema.utf8)
      else { return false }
    }
    return bytes.dropFirst(schema).elementsEqual(name.name.utf8)
  }
}
