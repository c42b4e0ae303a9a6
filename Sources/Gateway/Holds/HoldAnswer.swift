import Engine
import HTTPWire
import Holds

/// Writes what became of a request about holds.
enum HoldAnswer {
  /// - Throws: what the client is refused for, where there is nothing to list.
  static func write(_ outcome: HoldOutcome, _ visible: Position?, _ response: inout Response)
    throws(Refused)
  {
    switch outcome {
    case .hold(let hold, let isNew, let position):
      addPosition(position ?? visible, &response)
      if isNew {
        response.status = .created
        response.addField("Location", "/v1/holds/\(hold.id)")
      }
      append(hold, position, to: &response.body)
    case .holds(let holds):
      addPosition(visible, &response)
      response.body.append("{\"holds\":[")
      for (index, hold) in holds.enumerated() {
        if index > 0 { response.body.append(",") }
        append(hold, nil, to: &response.body)
      }
      response.body.append("]}")
    case .short(let lines): writeShort(lines, &response)
    // Written by who asked, beside what was asked.
    case .explained, .pending: break
    case .failed(let failure): throw refusal(failure)
    }
  }

  /// No verdict in time: where to ask for it.
  static func writePending(_ id: HoldID, _ draft: HoldDraft, _ response: inout Response) {
    response.status = .accepted
    response.addField("Location", "/v1/holds/\(id)")
    response.body.append("{\"hold_id\":\"\(id)\",\"status\":\"pending\",\"reference\":")
    append(text: draft.reference, to: &response.body)
    response.body.append("}")
  }

  /// - Parameter row: the object that the explanation goes on with.
  static func write(_ row: String, _ explanation: HoldExplanation, _ response: inout Response) {
    response.body.append(row)
    response.body.append(",\"in_flight\":")
    response.body.append(decimal: explanation.inFlight)
    response.body.append(",\"refused_rows\":")
    response.body.append(decimal: explanation.refused)
    response.body.append(",\"next_expiry\":\(explanation.nextExpiry),\"holds\":")
    response.body.append(explanation.holds)
    response.body.append("}")
  }

  private static func addPosition(_ position: Position?, _ response: inout Response) {
    if let position { response.addField("Onhand-Position", position.description) }
  }

  // MARK: Holds

  private static func append(
    _ hold: HoldDocument, _ position: Position?, to body: inout ByteBuffer
  ) {
    body.append("{\"hold_id\":\"\(hold.id)\",\"status\":\"\(hold.statusText)\",\"reference\":")
    append(text: hold.reference, to: &body)
    body.append(",\"created_at\":\"\(hold.createdAt)\",\"expires_at\":\"\(hold.expiresAt)\"")
    if let time = hold.confirmedAt { body.append(",\"confirmed_at\":\"\(time)\"") }
    if let time = hold.endedAt { body.append(",\"ended_at\":\"\(time)\"") }
    // Released once the other was granted: before, nobody may know of it.
    if hold.status == .released, let other = hold.supersededBy {
      body.append(",\"superseded_by\":\"\(other)\"")
    }
    if let metadata = hold.metadata { body.append(",\"metadata\":\(metadata)") }
    if let position { body.append(",\"position\":\"\(position)\"") }
    body.append(",\"lines\":[")
    for (index, line) in hold.lines.enumerated() {
      if index > 0 { body.append(",") }
      body.append("{\(line.keyMembers),\"requested\":")
      body.append(decimal: line.requested)
      body.append(",\"quantity\":")
      body.append(decimal: line.quantity)
      body.append("}")
    }
    body.append("]}")
  }

  private static func append(text: String?, to body: inout ByteBuffer) {
    if let text { body.append(jsonString: text) } else { body.append("null") }
  }

  private static func writeShort(_ lines: [HoldShort], _ response: inout Response) {
    Problem.insufficientStock.write(
      "there is less than \(lines.count) of the lines ask for", to: &response
    ) { body in
      body.append(",\"lines\":[")
      for (index, line) in lines.enumerated() {
        if index > 0 { body.append(",") }
        body.append("{\(line.keyMembers),\"requested\":")
        body.append(decimal: line.requested)
        body.append(",\"available\":")
        body.append(decimal: line.available)
        body.append("}")
      }
      body.append("]")
    }
  }

  // MARK: Refusals

  private static func refusal(_ failure: HoldFailure) -> Refused {
    switch failure {
    case .inFlight:
      Refused(.holdInFlight, "the same key, reference or hold is being worked on; ask again")
    case .undecided:
      Refused(
        .holdUndecided,
        "the process that took it is gone, and its stock is short; it counts until it expires or is released"
      )
    case .keyReused:
      Refused(.idempotencyKeyReused, "the body is another than the one it was first used with")
    case .referenceConfirmed(let id):
      Refused(.referenceConfirmed, "\(id) is confirmed: release or settle it, or give another")
    case .unknownHold: Refused(.unknownHold, "none of yours has this id")
    case .conflict(let status, let since):
      Refused(.holdEnded, "it is \(status.rawValue)\(since.map { " since \($0)" } ?? "")")
    case .expired(let since): Refused(.holdExpired, "it expired at \(since)")
    case .replaced: Refused(.holdReplaced, "it has the same reference")
    case .busy: Refused(.holdBusy, "try again once the other transaction has ended")
    case .unacceptable(let reason): Refused(.badBody, reason)
    case .lagging(let seconds):
      Refused(.lagging, "by \(seconds) s; nothing was taken, try again later")
    case .unreachable(let reason): Refused(.databaseUnreachable, reason)
    case .tooMany: Refused(.tooManyWaiting, "try again in a moment")
    case .notReady: Refused(.notReady, "the database is not followed yet; see /readyz")
    case .limit(.active(let max)):
      Refused(.tooManyHolds, "no more than \(max) active holds at a time")
    case .limit(.units(let max)): Refused(.tooManyHolds, "no more than \(max) units at a time")
    case .limit(.rate(let max)): Refused(.tooManyHolds, "no more than \(max) holds a second")
    }
  }
}
