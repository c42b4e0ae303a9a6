extension Plan.View {
  /// A view as it was served, without its place in a plan.
  init(_ cursor: inout LogCursor) throws(LogDamage) {
    let name = QualifiedName(schema: try cursor.text(), name: try cursor.text())
    let definition = try cursor.text()
    var columns: [Column] = []
    for _ in 0..<(try cursor.count(bytesEach: 15)) { columns.append(try Column(&cursor)) }
    var key: [Int] = []
    for _ in 0..<(try cursor.count(bytesEach: 4)) {
      let column = Int(try cursor.integer(UInt32.self))
      guard columns.indices.contains(column), !key.contains(column) else {
        throw cursor.damage("a column of the view")
      }
      key.append(column)
    }
    var identity: [Int] = []
    for _ in 0..<(try cursor.count(bytesEach: 4)) {
      identity.append(Int(try cursor.integer(UInt32.self)))
    }
    self.init(
      name: name, node: 0, columns: columns, key: key, identity: identity, definition: definition)
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(block: name.schema)
    bytes.append(block: name.name)
    bytes.append(block: definition)
    bytes.append(integer: UInt32(columns.count))
    for column in columns { column.append(to: &bytes) }
    bytes.append(integer: UInt32(key.count))
    for column in key { bytes.append(integer: UInt32(column)) }
    bytes.append(integer: UInt32(identity.count))
    for column in identity { bytes.append(integer: UInt32(column)) }
  }

  /// Whether rows of several identities may have one key, as only a configured key lets them.
  var mayShareKeys: Bool { !key.isEmpty && !Set(identity).isSubset(of: key) }
}

extension Plan.View.Column {
  init(_ cursor: inout LogCursor) throws(LogDamage) {
    let name = try cursor.text()
    guard let type = ColumnType(rawValue: try cursor.integer(UInt8.self)) else {
      throw cursor.damage("a type")
    }
    let typeName = try cursor.text()
    let isByBytes = try cursor.integer(UInt8.self) != 0
    let hasASCIICaseOnly = try cursor.integer(UInt8.self) != 0
    var labels: [String] = []
    for _ in 0..<(try cursor.count(bytesEach: 4)) { labels.append(try cursor.text()) }
    self.init(
      name: name, type: type, typeName: typeName,
      ordering: ColumnOrdering(
        isByBytes: isByBytes, hasASCIICaseOnly: hasASCIICaseOnly, labels: labels))
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(block: name)
    bytes.append(type.rawValue)
    bytes.append(block: typeName)
    bytes.append(ordering.isByBytes ? 1 : 0)
    bytes.append(ordering.hasASCIICaseOnly ? 1 : 0)
    bytes.append(integer: UInt32(ordering.labels.count))
    for label in ordering.labels { bytes.append(block: label) }
  }
}
