import Engine
import HTTPWire

/// `GET /v1/views` and `GET /v1/views/{view}`.
enum ViewEndpoints {
  static func list(_ read: Read, _ response: inout Response) {
    response.body.append("{\"position\":\"")
    response.body.append(read.positionText)
    response.body.append("\",\"views\":[")
    var isFirst = true
    for view in read.visible.views.views where read.reader.maySee(view.name) {
      if !isFirst { response.body.append(",") }
      isFirst = false
      describe(view, read.visible, withDefinition: false, &response.body)
    }
    response.body.append("]}")
  }

  static func show(_ view: LiveView, _ read: Read, _ response: inout Response) {
    describe(
      view, read.visible, withDefinition: read.reader.seesDefinitions, &response.body)
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
}
