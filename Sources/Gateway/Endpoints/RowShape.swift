import Engine
import HTTPWire

/// How rows are written: as they are stored, or anew with chosen columns, quoted numbers or caps.
struct RowShape {
  /// Nil where rows are written as they are stored.
  let writer: RowJSONWriter?

  /// - Parameter identifies: whether rows must show what tells them apart.
  /// - Throws: what is wrong with `select`.
  init(
    _ view: LiveView, select: String? = nil, quotesBigNumbers: Bool, caps: [Int: Int64],
    identifies: Bool = false
  ) throws(Refused) {
    guard select != nil || quotesBigNumbers || !caps.isEmpty else {
      writer = nil
      return
    }
    let columns = view.definition.columns
    var members = Selection.all(columns).members
    if let select {
      do throws(QueryFault) {
        members = try Selection.parse(select, columns).members
      } catch {
        throw Refused(.badParameter, error.description, parameter: "select")
      }
      if identifies { try Self.requireIdentity(view, members) }
    }
    writer = RowJSONWriter(members, of: columns, quotesBigNumbers: quotesBigNumbers, caps: caps)
  }

  private static func requireIdentity(_ view: LiveView, _ members: [RowJSONWriter.Member])
    throws(Refused)
  {
    let columns = view.definition.columns
    let shown = members.filter { columns[$0.column].name.isSameName(as: $0.name) }
    guard view.hasKey || shown.count == members.count else {
      throw Refused(
        .badParameter,
        "rows of a view without a key are known by all that they show: have no other names in select",
        parameter: "select")
    }
    guard view.keyColumns.allSatisfy({ key in shown.contains { $0.column == key } }) else {
      throw Refused(
        .badParameter,
        "changes name rows by \(view.identifyingColumns.joined(separator: ", ")): have them in "
          + "select, under these names", parameter: "select")
    }
  }

  func write(_ version: RowVersion, to body: inout ByteBuffer, _ scratch: WorkerScratch) {
    guard let writer else { return body.append(version.json) }
    scratch.text.removeAll(keepingCapacity: true)
    writer.write(version.row, to: &scratch.text)
    scratch.text.withUnsafeBytes { body.append($0) }
  }

  /// Writes a row that is not one of the view's stored versions.
  func write(
    _ row: RowRef, of view: LiveView, to body: inout ByteBuffer, _ scratch: WorkerScratch
  ) {
    scratch.text.removeAll(keepingCapacity: true)
    (writer ?? view.rowWriter).write(row, to: &scratch.text)
    scratch.text.withUnsafeBytes { body.append($0) }
  }
}
