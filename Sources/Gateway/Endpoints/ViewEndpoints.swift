import Engine
import HTTPWire

/// What `/v1/views` and below answer, given what is visible.
struct ViewEndpoints {
  /// `GET /v1/views`
  static func list(_ visible: ReadGate.Visible, _ response: inout Response) {
    response.body.append("{\"position\":\"")
    response.body.append(visible.position.map(String.init(describing:)) ?? "")
    response.body.append("\",\"views\":[")
    for (index, view) in visible.views.views.enumerated() {
      if index > 0 { response.body.append(",") }
      describe(view, visible, withDefinition: false, &response.body)
    }
    response.body.append("]}")
  }

  /// `GET /v1/views/{view}`
  static func show(_ view: LiveView, _ visible: ReadGate.Visible, _ response: inout Response) {
    describe(view, visible, withDefinition: true, &response.body)
  }

  private static func describe(
    _ view: LiveView, _ visible: ReadGate.Visible, withDefinition: Bool, _ body: inout ByteBuffer
  ) {
    body.append("{\"name\":")
    body.append(jsonString: view.name.name)
    body.append(",\"schema\":")
    body.append(jsonString: view.name.schema)
    body.append(",\"key\":[")
    for (index, column) in view.definition.key.enumerated() {
      if index > 0 { body.append(",") }
      body.append(jsonString: view.definition.columns[column].name)
    }
    body.append("],\"columns\":[")
    for (index, column) in view.definition.columns.enumerated() {
      body.append(index > 0 ? ",{\"name\":" : "{\"name\":")
      body.append(jsonString: column.name)
      body.append(",\"type\":")
      body.append(jsonString: column.typeName)
      body.append("}")
    }
    body.append("],\"rows\":")
    body.append(decimal: view.status(at: visible.sequence).rowCount)
    describeState(view, visible, &body)
    if withDefinition {
      body.append(",\"definition\":")
      body.append(jsonString: view.definition.definition)
    }
    body.append("}")
  }

  private static func describeState(
    _ view: LiveView, _ visible: ReadGate.Visible, _ body: inout ByteBuffer
  ) {
    let status = view.status(at: visible.sequence)
    if let reason = status.degradation {
      body.append(",\"state\":\"degraded\",\"reason\":")
      body.append(jsonString: reason)
    } else if status.faultyCount > 0 {
      body.append(",\"state\":\"degraded\",\"reason\":")
      body.append(jsonString: "an expression fails for \(status.faultyCount) rows")
    } else {
      body.append(visible.staleSince == nil ? ",\"state\":\"live\"" : ",\"state\":\"stale\"")
    }
  }

  /// `GET /v1/views/{view}/rows`
  static func rows(
    _ view: LiveView, _ parameters: ReadParameters, _ visible: ReadGate.Visible,
    _ response: inout Response
  ) throws(Refused) {
    try checkTrust(view, visible)
    var after: [UInt8]?
    if var cursor = parameters.cursor {
      after = cursor.withUTF8 { RowCursor.decode(UnsafeRawBufferPointer($0), for: view) }
      if after == nil { throw Refused(.badParameter, "cursor is not one that this view gave") }
    }
    let page = page(of: view, after: after, limit: parameters.limit, visible)
    if let failed = page.rows.first(where: { $0.fault != nil }) { throw refusal(of: failed) }
    write(page, of: view, visible, &response.body)
  }

  private struct Page {
    var rows: [RowVersion]
    var hasMore: Bool
  }

  private static func page(
    of view: LiveView, after: [UInt8]?, limit: Int, _ visible: ReadGate.Visible
  ) -> Page {
    let order = KeyOrder(view)
    // One more than asked for tells whether there is a next page.
    var first = FirstRows(limit: limit + 1, order: order)
    func collect(_ start: RowRef?) {
      view.table.forEachRow(at: visible.sequence) { version in
        if let start, !order.follows(version.row, key: start) { return }
        first.offer(version)
      }
    }
    if let after {
      after.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        collect(RowRef(base: base, count: bytes.count))
      }
    } else {
      collect(nil)
    }
    let rows = first.sorted
    return Page(rows: Array(rows.prefix(limit)), hasMore: rows.count > limit)
  }

  private static func write(
    _ page: Page, of view: LiveView, _ visible: ReadGate.Visible, _ body: inout ByteBuffer
  ) {
    body.append("{\"view\":")
    body.append(jsonString: view.name.name)
    body.append(",\"position\":\"")
    body.append(visible.position.map(String.init(describing:)) ?? "")
    body.append("\",\"rows\":[")
    var isFirst = true
    for version in page.rows {
      for _ in 0..<version.copies {
        if !isFirst { body.append(",") }
        isFirst = false
        body.append(version.json)
      }
    }
    body.append("],\"next\":")
    if page.hasMore, let last = page.rows.last {
      body.append("\"")
      body.append(RowCursor.encode(last.row, of: view))
      body.append("\"}")
    } else {
      body.append("null}")
    }
  }

  /// `GET /v1/views/{view}/rows/{key}`
  static func row(
    _ view: LiveView, _ key: ByteView, _ scratch: WorkerScratch, _ visible: ReadGate.Visible,
    _ response: inout Response
  ) throws(Refused) {
    guard view.hasKey else {
      throw Refused(
        .viewWithoutKey,
        "no columns of \(view.name) tell its rows apart; name some in the configuration, "
          + "views: [{name: \(view.name), key: [...]}]")
    }
    try checkTrust(view, visible)
    let parts = try scratch.keyParts(key)
    let row: RowRef
    do throws(KeyReader.Failure) {
      row = try scratch.keys.read(parts, for: view)
    } catch {
      throw refusal(of: error, view)
    }
    guard let version = view.table.find(row, at: visible.sequence) else {
      throw Refused(.unknownRow, "\(view.name) has no row with this key")
    }
    if version.fault != nil { throw refusal(of: version) }
    response.body.append(version.json)
  }

  private static func checkTrust(_ view: LiveView, _ visible: ReadGate.Visible) throws(Refused) {
    if let reason = view.status(at: visible.sequence).degradation {
      throw Refused(.viewDegraded, "\(view.name): \(reason); correct the key or the data")
    }
  }

  private static func refusal(of version: RowVersion) -> Refused {
    let reason = version.fault.map { "\($0.message) (SQLSTATE \($0.sqlState))" } ?? ""
    return Refused(.rowFailed, "Postgres fails this query: \(reason); mend the row's data")
  }

  private static func refusal(of failure: KeyReader.Failure, _ view: LiveView) -> Refused {
    let columns = view.definition.key.map { view.definition.columns[$0] }
    switch failure {
    case .wrongArity(let expected):
      let names = columns.map(\.name).joined(separator: ",")
      return Refused(
        .badKey, "the key has \(expected) columns, separated by commas: \(names)")
    case .malformed(let column):
      return Refused(
        .badKey, "\(columns[column].name) must be of type \(columns[column].typeName)")
    }
  }
}
