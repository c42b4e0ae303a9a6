import Engine

/// Who asks, as far as it matters for what is answered.
enum Reader: Sendable {
  /// Without `callers` in the configuration.
  case everybody
  case caller(Caller)
  /// Without a token, where something is public.
  case visitor(PublicAccess)

  func has(_ right: Right) -> Bool {
    switch self {
    case .everybody: true
    case .caller(let caller): caller.may.contains(right)
    case .visitor: right == .read
    }
  }

  /// - Throws: what to tell somebody who lacks the right.
  func require(_ right: Right) throws(Refused) {
    guard !has(right) else { return }
    switch self {
    case .everybody: return
    case .caller(let caller):
      throw Refused(.forbidden, "\(caller.name) may not \(right.rawValue)")
    case .visitor: throw Refused(.tokenMissing, "send Authorization: Bearer")
    }
  }

  func maySee(_ view: QualifiedName) -> Bool {
    switch self {
    case .everybody: true
    case .caller(let caller):
      caller.may.contains(.read) && caller.views?.contains(where: view.isCalled) ?? true
    case .visitor(let access): access.views.contains { view.isCalled($0.name) }
    }
  }

  /// Whose holds are this reader's.
  var holdOwner: String {
    if case .caller(let caller) = self { caller.name } else { "" }
  }

  /// Whether definitions are shown: SQL tells more than rows do.
  var seesDefinitions: Bool {
    switch self {
    case .everybody, .caller: true
    case .visitor: false
    }
  }

  /// The number that stands for all above it, by column of the view.
  func caps(_ view: LiveView) -> [Int: Int64] {
    guard case .visitor(let access) = self, let cap = access.cap else { return [:] }
    let columns = view.definition.columns
    let named = access.views.first { view.name.isCalled($0.name) }?.quantities
    let capped = columns.indices.filter { index in
      guard columns[index].type.isNumber else { return false }
      return named?.contains(columns[index].name) ?? !view.definition.key.contains(index)
    }
    return Dictionary(uniqueKeysWithValues: capped.map { ($0, cap) })
  }

  /// - Throws: where the address of a row, which cursors carry as well, would tell a number that is capped.
  func requireHiding(_ view: LiveView) throws(Refused) {
    let caps = caps(view)
    let key = view.hasKey ? view.definition.key : Array(view.definition.columns.indices)
    guard let column = key.first(where: { caps[$0] != nil }) else { return }
    throw Refused(
      .forbidden,
      "\(view.name) has \(view.definition.columns[column].name) in its rows' key, which is capped for you"
    )
  }

  /// The cap of quantities that are computed.
  var cap: Int64? {
    if case .visitor(let access) = self { access.cap } else { nil }
  }
}

extension ColumnType {
  fileprivate var isNumber: Bool {
    switch self {
    case .int2, .int4, .int8, .float4, .float8, .numeric: true
    case .bool, .date, .timestamp, .timestamptz, .text, .bpchar, .uuid, .enumeration, .json,
      .jsonb:
      false
    }
  }
}
