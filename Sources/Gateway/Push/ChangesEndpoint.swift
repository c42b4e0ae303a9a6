import Engine
import HTTPWire
import Runtime
import Server

/// `GET /v1/views/{view}/changes`: a page of changes, or the next one when it comes.
struct ChangesEndpoint {
  let query: ChangesQuery
  let read: Read
  let worker: PushWorker

  /// Answers, or has the request wait for a change.
  ///
  /// - Parameter wait: how long to wait where nothing has changed; nil not to.
  func answer(
    waiting wait: Duration?, _ response: inout Response, _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    let view = try read.find(query.subscription.view)
    try RowEndpoints.checkTrust(view, read)
    let caps = read.reader.caps(view)
    let request = query.subscription
    let filter = try RowFilter(request.conditions, view, caps)
    let shape = try request.shape(of: view, caps)
    let interest = request.interest(in: view, filter, shape, caps)
    guard let page = try page(interest) else {
      writeStart(&response.body)
      return .respond
    }
    if page.changes.isEmpty, !page.hasMore, let wait {
      let deadline = context.began + wait
      let end = worker.clock.monotonic + (deadline - context.now).nanoseconds
      // Kept by the worker.
      _ = ChangePoller(interest, until: end, context.waker, worker)
      return .park(until: deadline)
    }
    write(page, shape, interest, &response.body)
    return .respond
  }

  /// The changes behind the position asked for; nil if none is.
  private func page(_ interest: Interest) throws(Refused) -> ChangePage? {
    guard let after = query.subscription.after, let position = read.visible.position else {
      return nil
    }
    guard
      case .known(let steps, let reached, let hasMore) = worker.past(
        after: after, upTo: read.visible, at: position, of: interest.view),
      var page = ChangePage(steps, after: after, of: interest, limit: query.limit)
    else {
      throw Refused(
        .positionGone, "the changes since \(after) are not kept any more; read the rows anew")
    }
    page.extend(to: reached, hasMore: hasMore)
    return page
  }

  private func writeStart(_ body: inout ByteBuffer) {
    body.append("{\"position\":")
    body.appendJSON(read.visible.position)
    body.append(",\"previous\":null,\"changes\":[],\"more\":false}")
  }

  private func write(
    _ page: ChangePage, _ shape: RowShape, _ interest: Interest, _ body: inout ByteBuffer
  ) {
    body.append("{\"position\":")
    body.appendJSON(page.position)
    body.append(",\"previous\":")
    body.appendJSON(query.subscription.after)
    body.append(",\"changes\":[")
    for (index, change) in page.changes.enumerated() {
      if index > 0 { body.append(",") }
      switch change {
      case .upsert(let row, let copies): write(row, copies, shape, interest, &body)
      case .delete(let key): body.append(deleteOf: key)
      }
    }
    body.append("],\"more\":")
    body.append(page.hasMore ? "true" : "false")
    body.append("}")
  }

  private func write(
    _ row: RowRef, _ copies: Int, _ shape: RowShape, _ interest: Interest,
    _ body: inout ByteBuffer
  ) {
    let view = interest.view
    if let fault = view.fault(of: row) {
      return body.append(deleteOf: interest.keyJSON(of: row), because: fault)
    }
    body.append("{\"op\":\"upsert\",\"row\":")
    shape.write(row, of: view, to: &body, read.scratch)
    if copies != 1 {
      body.append(",\"copies\":")
      body.append(decimal: copies)
    }
    body.append("}")
  }
}
