/// A Postgres node tree, as `pg_rewrite.ev_action` prints one (`src/backend/nodes/outfuncs.c`).
///
/// The text carries its own structure, so that fields which come and go between server versions do not matter.
package indirect enum NodeTree: Sendable {
  /// `{TAG :field value ...}`
  case object(tag: String, fields: [String: NodeTree])
  /// `(a b c)`; the marker of `(i 1 2)`, `(o 1 2)` and `(b 1 2)` is left out.
  case list([NodeTree])
  /// A number, name, flag or string, unescaped.
  case token(String)
  /// `4 [ 1 0 0 0 ... ]`, the bytes of a constant.
  case bytes([UInt8])
  /// `<>`
  case null
}

extension NodeTree {
  package var tag: String? {
    if case .object(let tag, _) = self { tag } else { nil }
  }

  package subscript(field: String) -> NodeTree {
    if case .object(_, let fields) = self { fields[field] ?? .null } else { .null }
  }

  package var isNull: Bool {
    if case .null = self { true } else { false }
  }

  /// A list's elements; none for anything else.
  package var elements: [NodeTree] {
    if case .list(let elements) = self { elements } else { [] }
  }

  package var text: String? {
    if case .token(let token) = self { token } else { nil }
  }

  package func int(_ field: String) -> Int { self[field].text.flatMap { Int($0) } ?? 0 }

  package func oid(_ field: String) -> UInt32 { self[field].text.flatMap { UInt32($0) } ?? 0 }

  package func flag(_ field: String) -> Bool { self[field].text == "true" }

  /// Calls `visit` with this node and every one below.
  package func walk(_ visit: (NodeTree) -> Void) {
    visit(self)
    switch self {
    case .object(_, let fields): for field in fields.values { field.walk(visit) }
    case .list(let elements): for element in elements { element.walk(visit) }
    case .token, .bytes, .null: break
    }
  }
}
