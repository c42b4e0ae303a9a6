import Engine
import HTTPWire

/// `GET /v1/views/{view}/rows` and `GET /v1/views/{view}/rows/{key}`.
enum RowEndpoints {
  /// A page ends early behind the row that takes it past this.
  private static let pageBytesMax = 16 << 20

  static func rows(_ view: LiveView, _ read: Read, _ response: inout Response) throws(Refused) {
    try checkTrust(view, read)
    let query = try RowsQuery(read.parameters, view, read.reader)
    let page: RowPage
    do throws(ValueFault) {
      page = try RowPage.read(
        view, at: read.visible.sequence, query.order, access: query.filter.access,
        filter: query.filter.program, after: query.cursor, limit: query.limit)
    } catch {
      throw refusal(of: error)
    }
    try write(page, query, view, read, &response.body)
  }

  private static func write(
    _ page: RowPage, _ query: RowsQuery, _ view: LiveView, _ read: Read, _ body: inout ByteBuffer
  ) throws(Refused) {
    body.append("{\"view\":")
    body.append(jsonString: view.name.name)
    body.append(",\"position\":\"")
    body.append(read.positionText)
    body.append("\",\"rows\":[")
    var last: (row: RowRef, copies: Int)?
    var hasMore = page.hasMore
    rows: for entry in page.entries {
      for copy in 1...entry.copies {
        guard body.count < pageBytesMax else {
          hasMore = true
          break rows
        }
        if last != nil { body.append(",") }
        query.shape.write(entry.version, to: &body, read.scratch)
        last = (entry.version.row, entry.copiesBefore + copy)
      }
    }
    body.append("],\"next\":")
    guard hasMore, let last else { return body.append("null}") }
    guard
      let cursor = RowCursor.encode(last.row, copies: last.copies, query.order, of: view)
    else {
      throw Refused(
        .cursorTooLong, "the last row of the page is ordered by values that are too long to name")
    }
    body.append("\"")
    body.append(cursor)
    body.append("\"}")
  }

  static func row(
    _ view: LiveView, _ key: ByteView, _ request: borrowing Request, _ read: Read,
    _ response: inout Response
  ) throws(Refused) {
    let (shape, row) = try question(view, key, read)
    try checkTrust(view, read)
    guard let version = view.table.find(row, at: read.visible.sequence) else {
      throw Refused(.unknownRow, "\(view.name) has no row with this key")
    }
    if let fault = version.fault { throw refusal(of: fault) }
    shape.write(version, to: &response.body, read.scratch)
    EntityTag(of: response.body.view).answer(request, &response)
  }

  /// How the row is wanted, and its key, which is valid until the next is read.
  static func question(_ view: LiveView, _ key: ByteView, _ read: Read) throws(Refused)
    -> (RowShape, RowRef)
  {
    try read.parameters.refuseOthers(known: ["select"])
    try requireKey(view)
    let shape = try RowShape(view, read)
    let parts = try read.scratch.keyParts(key)
    do throws(KeyReader.Failure) {
      return (shape, try read.scratch.keys.read(parts, for: view))
    } catch {
      throw refusal(of: error, view)
    }
  }

  // MARK: Refusals

  static func requireKey(_ view: LiveView) throws(Refused) {
    guard !view.hasKey else { return }
    throw Refused(
      .viewWithoutKey,
      "no columns of \(view.name) tell its rows apart; name some in the configuration, "
        + "views: [{name: \(view.name), key: [...]}]")
  }

  static func checkTrust(_ view: LiveView, _ read: Read) throws(Refused) {
    try checkTrust(view, at: read.visible.sequence)
  }

  static func checkTrust(_ view: LiveView, at sequence: UInt64) throws(Refused) {
    if let reason = view.status(at: sequence).degradation {
      throw Refused(.viewDegraded, "\(view.name): \(reason); correct the key or the data")
    }
  }

  static func refusal(of fault: ValueFault) -> Refused {
    Refused(
      .rowFailed,
      "Postgres fails this query: \(fault.message) (SQLSTATE \(fault.sqlState)); mend the row's data"
    )
  }

  static func refusal(of failure: KeyReader.Failure, _ view: LiveView) -> Refused {
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

extension RowShape {
  /// As the `select` and `bigint` of a request want rows.
  ///
  /// - Throws: also where `select` is given twice.
  init(_ view: LiveView, _ read: Read) throws(Refused) {
    let selects = read.parameters.others.filter { $0.name == "select" }
    guard selects.count <= 1 else { throw ReadParameters.givenTwice("select") }
    try self.init(
      view, select: selects.first?.value, quotesBigNumbers: read.parameters.quotesBigNumbers,
      caps: read.reader.caps(view))
  }
}
