import Durability
import Engine
import HTTPWire

/// `GET /v1/views/{view}/rows/{key}/history`: how a row came to be, newest first.
struct HistoryEndpoint: Sendable {
  let changeLog: ChangeLog?

  private static let limitDefault = 100
  private static let limitMax = 1_000
  private static let names = ["select", "limit", "cursor", "at"]

  /// What is asked, before it is looked for.
  struct Question {
    let shape: RowShape
    /// As the table finds the row; valid until the next key is read.
    let key: RowRef
    var limit = HistoryEndpoint.limitDefault
    var cursor: LogPlace?
    var moment: HistoryMoment?
  }

  func answer(_ view: LiveView, _ key: ByteView, _ read: Read, _ response: inout Response)
    throws(Refused)
  {
    let question = try question(view, key, read)
    try RowEndpoints.checkTrust(view, read)
    try checkEpoch(question.moment, read)
    guard let changeLog, let past = try find(question, view, changeLog) else {
      throw Refused(
        .historyNotKept, "changes of \(view.name) are not kept; set data_directory to keep them")
    }
    try check(question.moment, isCoveredBy: past)
    write(past, question, view, read, &response.body)
  }

  func question(_ view: LiveView, _ key: ByteView, _ read: Read) throws(Refused) -> Question {
    try read.parameters.refuseOthers(known: Self.names)
    try RowEndpoints.requireKey(view)
    let shape = try RowShape(view, read)
    let (given, _) = try read.parameters.split(Set(Self.names))
    let parts = try read.scratch.keyParts(key)
    let row: RowRef
    do throws(KeyReader.Failure) { row = try read.scratch.keys.read(parts, for: view) } catch {
      throw RowEndpoints.refusal(of: error, view)
    }
    var question = Question(
      shape: shape, key: row, cursor: try Self.cursor(given["cursor"]),
      moment: try Self.moment(given["at"]))
    if let text = given["limit"] {
      question.limit = try ReadParameters.limit(text, max: Self.limitMax)
    }
    return question
  }

  private static func cursor(_ text: String?) throws(Refused) -> LogPlace? {
    guard let text else { return nil }
    guard let place = LogPlace(text) else { throw badCursor }
    return place
  }

  private static var badCursor: Refused {
    Refused(.badParameter, "cursor must be the next of a page before", parameter: "cursor")
  }

  private static func moment(_ text: String?) throws(Refused) -> HistoryMoment? {
    guard let text else { return nil }
    guard let moment = HistoryMoment(text) else {
      throw Refused(
        .badParameter, "at must be a position, an LSN or a time as 2026-01-31T12:00:00Z",
        parameter: "at")
    }
    return moment
  }

  private func checkEpoch(_ moment: HistoryMoment?, _ read: Read) throws(Refused) {
    guard case .position(let position)? = moment, let current = read.visible.position,
      position.epoch != current.epoch
    else { return }
    throw Refused(
      .positionGone,
      "it is of epoch \(position.epoch), the database's history is now \(current.epoch)")
  }

  private func find(_ question: Question, _ view: LiveView, _ changeLog: ChangeLog)
    throws(Refused) -> ChangeLog.PastOfRow?
  {
    do {
      return try changeLog.past(
        of: question.key, in: view, until: question.moment, before: question.cursor,
        limit: question.limit)
    } catch {
      // Between frames there is nothing to begin at; or the disk fails, which its state tells.
      if question.cursor != nil { throw Self.badCursor }
      throw Refused(.historyNotKept, "the change log can't be read at present")
    }
  }

  /// What was before all that is known can't be told.
  private func check(_ moment: HistoryMoment?, isCoveredBy past: ChangeLog.PastOfRow)
    throws(Refused)
  {
    let lsn: LSN
    switch moment {
    case .position(let position): lsn = position.lsn
    case .lsn(let given): lsn = given
    case .time, nil: return
    }
    guard lsn >= past.since.lsn else {
      throw Refused(.positionGone, "changes are kept since \(past.since)")
    }
  }

  // MARK: Writing

  private func write(
    _ past: ChangeLog.PastOfRow, _ question: Question, _ view: LiveView, _ read: Read,
    _ body: inout ByteBuffer
  ) {
    body.append("{\"view\":")
    body.append(jsonString: view.name.name)
    body.append(",\"position\":\"")
    body.append(read.positionText)
    body.append("\",\"since\":")
    body.appendJSON(past.since)
    body.append(",\"changes\":[")
    var isFirst = true
    for change in past.changes {
      let old = text(
        change.isMovedAway || change.change.formerKey == nil ? change.change.old : nil,
        question.shape, view)
      let new = text(change.isMovedAway ? nil : change.change.new, question.shape, view)
      // Behind a cap or a choice of columns, what looks the same was no change.
      if old == new { continue }
      if !isFirst { body.append(",") }
      isFirst = false
      write(change, old: old, new: new, &body)
    }
    body.append("],\"next\":")
    guard let next = past.next else { return body.append("null}") }
    body.append(jsonString: next.text)
    body.append("}")
  }

  private func write(
    _ change: ChangeLog.PastChange, old: [UInt8]?, new: [UInt8]?, _ body: inout ByteBuffer
  ) {
    body.append("{\"op\":")
    body.append(new == nil ? "\"delete\"" : "\"upsert\"")
    body.append(",\"position\":")
    body.appendJSON(change.position)
    body.append(",\"committed_at\":")
    append(change.committedAt.map { HistoryMoment.json(time: $0) }, &body)
    body.append(",\"xid\":")
    if let xid = change.xid { body.append(decimal: Int(xid)) } else { body.append("null") }
    body.append(",\"old\":")
    append(old, &body)
    body.append(",\"row\":")
    append(new, &body)
    body.append("}")
  }

  private func append(_ json: [UInt8]?, _ body: inout ByteBuffer) {
    guard let json else { return body.append("null") }
    json.withUnsafeBytes { body.append($0) }
  }

  private func text(_ row: RowRef?, _ shape: RowShape, _ view: LiveView) -> [UInt8]? {
    guard let row else { return nil }
    if let fault = view.fault(of: row) {
      var body = ByteBuffer()
      body.append("{\"error\":")
      body.append(jsonString: fault.message)
      body.append("}")
      return Array(body.bytes)
    }
    var json: [UInt8] = []
    (shape.writer ?? view.rowWriter).write(row, to: &json)
    return json
  }
}
