/// Writes events as JSON: `{"type","timestamp","data"}`, as Standard Webhooks has it.
///
/// Belongs to one queue.
package struct EventBody {
  private let endpoint: String
  private let view: LiveView
  private let rows: RowJSONWriter
  private let key: RowJSONWriter?

  package init(endpoint: String, _ view: LiveView) {
    self.endpoint = endpoint
    self.view = view
    let columns = view.definition.columns
    rows = RowJSONWriter(columns: columns)
    key =
      view.hasKey
      ? RowJSONWriter(
        view.definition.key.map { .init(name: columns[$0].name, column: $0) }, of: columns) : nil
  }

  /// One event, or several as a `batch`.
  package func write(_ events: [WebhookEvent]) -> [UInt8] {
    var body: [UInt8] = []
    if events.count == 1, let event = events.first {
      write(event, to: &body)
      return body
    }
    open("batch", events.last?.committedAt, to: &body)
    body.append(contentsOf: "{\"events\":[".utf8)
    for (index, event) in events.enumerated() {
      if index > 0 { body.append(UInt8(ascii: ",")) }
      write(event, to: &body)
    }
    body.append(contentsOf: "]}}".utf8)
    return body
  }

  private func write(_ event: WebhookEvent, to body: inout [UInt8]) {
    switch event.content {
    case .row(let change, let hadRow, let hasRow):
      open(event.kind?.rawValue ?? "", event.committedAt, to: &body)
      writeCommon(event, to: &body)
      change.withRows { old, new in
        if let key, let row = new ?? old {
          body.append(contentsOf: ",\"key\":".utf8)
          key.write(row, to: &body)
        }
        body.append(contentsOf: ",\"old\":".utf8)
        write(hadRow ? old : nil, to: &body)
        body.append(contentsOf: ",\"new\":".utf8)
        write(hasRow ? new : nil, to: &body)
      }
    case .resync(let after):
      open("endpoint.resync", event.committedAt, to: &body)
      writeCommon(event, to: &body)
      body.append(contentsOf: ",\"after\":\"\(after)\",\"reason\":\"position_gone\"".utf8)
    }
    body.append(contentsOf: "}}".utf8)
  }

  private func open(_ type: String, _ time: Int64?, to body: inout [UInt8]) {
    body.append(contentsOf: "{\"type\":\"\(type)\",\"timestamp\":".utf8)
    if let time {
      JSONText.write(timestamptz: time, to: &body)
    } else {
      JSONText.writeNull(to: &body)
    }
    body.append(contentsOf: ",\"data\":".utf8)
  }

  private func writeCommon(_ event: WebhookEvent, to body: inout [UInt8]) {
    body.append(contentsOf: "{\"endpoint\":\"\(endpoint)\",\"view\":".utf8)
    JSONText.write(text: view.name.description, to: &body)
    body.append(contentsOf: ",\"position\":\"\(event.position)\",\"committed_at\":".utf8)
    if let time = event.committedAt {
      JSONText.write(timestamptz: time, to: &body)
    } else {
      JSONText.writeNull(to: &body)
    }
  }

  var name: String { view.name.description }

  func json(_ row: RowRef?) -> [UInt8] {
    var json: [UInt8] = []
    write(row, to: &json)
    return json
  }

  private func write(_ row: RowRef?, to body: inout [UInt8]) {
    guard let row else { return JSONText.writeNull(to: &body) }
    rows.write(row, to: &body)
  }
}

extension EventBody {
  /// The body of announcements where the view was not seen yet.
  package static func resync(endpoint: String, view: QualifiedName, _ events: [WebhookEvent])
    -> [UInt8]
  {
    var body: [UInt8] = []
    for case .resync(let after) in events.map(\.content) {
      guard let position = events.first?.position else { break }
      body += "{\"type\":\"endpoint.resync\",\"timestamp\":null,\"data\":{\"endpoint\":\"".utf8
      body += "\(endpoint)\",\"view\":".utf8
      JSONText.write(text: view.description, to: &body)
      body += ",\"position\":\"\(position)\",\"committed_at\":null,\"after\":\"\(after)\"".utf8
      body += ",\"reason\":\"position_gone\"}}".utf8
      break
    }
    return body
  }
}

extension EventBody {
  /// The body of a delivery that only tries whether the receiver is there.
  ///
  /// - Parameter at: microseconds since 2000-01-01 UTC.
  package static func test(
    endpoint: String, view: QualifiedName, at time: Int64, _ template: MessageTemplate
  ) -> [UInt8] {
    var body: [UInt8] = []
    switch template {
    case .standard, .pagerDuty:
      body += "{\"type\":\"webhook.test\",\"timestamp\":".utf8
      JSONText.write(timestamptz: time, to: &body)
      body += ",\"data\":{\"endpoint\":\"\(endpoint)\",\"view\":".utf8
      JSONText.write(text: view.description, to: &body)
      body += "}}".utf8
    case .slack:
      body += "{\"text\":".utf8
      JSONText.write(text: "\(view) webhook.test", to: &body)
      body.append(UInt8(ascii: "}"))
    }
    return body
  }
}
