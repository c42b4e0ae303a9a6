import Engine
import HTTPWire

/// One message of what a subscription is told, before it is put into the form of its transport.
struct Frame {
  enum Kind {
    /// Rows that the client is to have, of those asked for.
    case snapshot
    /// Rows that came, changed or went.
    case changes

    fileprivate var name: StaticString {
      switch self {
      case .snapshot: "snapshot"
      case .changes: "changes"
      }
    }

    fileprivate var listName: StaticString {
      switch self {
      case .snapshot: "rows"
      case .changes: "changes"
      }
    }
  }

  let kind: Kind
  /// Of rows or changes, separated by commas.
  let items: ByteView
  /// Keys whose rows have no right value, as objects separated by commas.
  let failures: ByteView
  /// The names of the view's key columns, as a list of JSON.
  let key: [UInt8]
  /// What the client is at once it has taken the frame; nil where more frames follow before it may show any.
  let position: Position?
  /// The position told before.
  let previous: Position?
}

/// How frames are written for a client.
enum FrameForm {
  /// Text of a WebSocket, with the subscription's id as JSON.
  case message(id: [UInt8])
  /// Events (WHATWG HTML 9.2).
  case event

  /// The subscription's id as JSON, where it has one.
  var id: [UInt8]? {
    switch self {
    case .message(let id): id
    case .event: nil
    }
  }
}

extension ByteBuffer {
  mutating func append(_ frame: Frame, as form: FrameForm) {
    beginFrame(frame.kind.name, id: frame.position, form)
    if let position = frame.position {
      append("\"position\":\"")
      append(position)
      append("\",")
    } else {
      append("\"more\":true,")
    }
    if case .changes = frame.kind, frame.position != nil {
      append("\"previous\":")
      appendJSON(frame.previous)
      append(",")
    }
    if case .snapshot = frame.kind { append(keyNames: frame.key) }
    append("\"")
    append(frame.kind.listName)
    append("\":[")
    appendData(frame.items, form)
    if !frame.failures.isEmpty {
      append("],\"failed\":[")
      appendData(frame.failures, form)
    }
    append("]")
    endFrame(form)
  }

  private mutating func append(keyNames json: [UInt8]) {
    append("\"key\":")
    json.withUnsafeBytes { append($0) }
    append(",")
  }

  /// Appends a frame that says how a subscription begins.
  mutating func append(beginning: Subscription.Beginning, as form: FrameForm) {
    switch beginning {
    case .resumed(let position, let key):
      beginFrame("resumed", id: nil, form)
      append(keyNames: key)
      append("\"position\":")
      appendJSON(position)
    case .resynced(let reason):
      beginFrame("resynced", id: nil, form)
      append("\"reason\":\"")
      append(reason)
      append("\"")
    }
    endFrame(form)
  }

  /// Begins a frame; its members follow, the first without a comma.
  mutating func beginFrame(_ type: StaticString, id: Position?, _ form: FrameForm) {
    switch form {
    case .message(let subscription):
      append("{\"type\":\"")
      append(type)
      append("\",\"id\":")
      subscription.withUnsafeBytes { append($0) }
      append(",")
    case .event:
      append("event: ")
      append(type)
      if let id {
        append("\nid: ")
        append(id)
      }
      append("\ndata: {")
    }
  }

  mutating func endFrame(_ form: FrameForm) {
    switch form {
    case .message: append("}")
    case .event: append("}\n\n")
    }
  }

  /// Appends a change that took a row away.
  ///
  /// - Parameter key: its columns as JSON.
  /// - Parameter fault: why there is no right value, where the row is there.
  mutating func append(deleteOf key: [UInt8], because fault: ValueFault? = nil) {
    append("{\"op\":\"delete\",\"key\":")
    key.withUnsafeBytes { append($0) }
    if let fault {
      append(",\"error\":")
      append(jsonString: fault.message)
    }
    append("}")
  }

  /// Appends JSON; where lines matter, its line ends begin a new line of the same event's data.
  private mutating func appendData(_ json: ByteView, _ form: FrameForm) {
    guard case .event = form else { return append(json) }
    var rest = json
    while let end = rest.bytes.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
      append(rest[0..<end])
      append("\ndata: ")
      rest = rest[end + 1..<rest.count]
    }
    append(rest)
  }

  // MARK: What is no frame

  /// Appends a refusal as a message of a WebSocket.
  ///
  /// - Parameter id: of the subscription concerned, as JSON; nil for none.
  mutating func append(_ refused: Refused, id: [UInt8]?) {
    append("{\"type\":\"error\",")
    if let id {
      append("\"id\":")
      id.withUnsafeBytes { append($0) }
      append(",")
    }
    appendMembers(of: refused)
    append("}")
  }

  /// Appends what a refusal says as members of an object.
  mutating func appendMembers(of refused: Refused) {
    append("\"code\":\"")
    append(refused.problem.rawValue)
    append("\",\"title\":\"")
    append(refused.problem.title)
    append("\",\"detail\":")
    append(jsonString: refused.detail)
    if let parameter = refused.parameter {
      append(",\"parameter\":")
      append(jsonString: parameter)
    }
  }

  /// Appends the members of a heartbeat: up to where nothing is outstanding, and how far behind the rows may be.
  mutating func appendHeartbeat(
    _ position: Position?, _ visible: ReadGate.Visible, _ worker: PushWorker
  ) {
    if let position {
      append("\"position\":")
      appendJSON(position)
      append(",")
    }
    if visible.staleSince != nil { append("\"stale\":true,") }
    append("\"lag_ms\":")
    append(decimal: worker.lagMilliseconds(visible))
  }
}
