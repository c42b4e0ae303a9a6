import Engine
import Runtime

/// Holds that are written by one statement, in this order.
struct HoldBatch {
  let drafts: [HoldDraft]

  /// Rows of one commit: enough that the commit's cost is shared, few enough that nobody waits long for others' rows.
  static let holdsMax = 500

  /// The parameters of ``PreparedStatement/insert(_:)``, the last of them one for each column of the key.
  func parameters(instance: HoldID) -> [String?] {
    let lines = drafts.flatMap { draft in
      draft.lines.enumerated().map { (draft.id, $0, $1) }
    }
    return [
      instance.description,
      Self.array(drafts.map(\.id.description)), Self.array(drafts.map(\.caller)),
      Self.array(drafts.map(\.reference)), Self.array(drafts.map(\.idempotencyKey)),
      Self.array(drafts.map(\.digest)), Self.array(drafts.map { String($0.units) }),
      Self.array(drafts.map(\.metadata)), Self.array(drafts.map { String($0.ttl.microseconds) }),
      Self.array(lines.map { $0.0.description }), Self.array(lines.map { String($0.1) }),
      Self.array(lines.map { String($0.2.requested) }),
      Self.array(lines.map { String($0.2.quantity) }),
    ]
      + (drafts[0].lines[0].keyTexts.indices).map { column in
        Self.array(lines.map { $0.2.keyTexts[column] })
      }
  }

  /// The text form of an array ("Array Input and Output Syntax" in the manual).
  static func array(_ elements: [String?]) -> String {
    var text = "{"
    for (index, element) in elements.enumerated() {
      if index > 0 { text += "," }
      guard let element else {
        text += "NULL"
        continue
      }
      text += "\""
      for scalar in element.unicodeScalars {
        if scalar == "\"" || scalar == "\\" { text += "\\" }
        text.unicodeScalars.append(scalar)
      }
      text += "\""
    }
    return text + "}"
  }
}
