/// How much of one item can be sold, where: at one place if the view's key is the item alone.
package struct Availability {
  package enum Status: String, Sendable, CaseIterable {
    case inStock = "in_stock"
    case lowStock = "low_stock"
    case outOfStock = "out_of_stock"
  }

  package struct Location {
    /// The view's row.
    package let version: RowVersion
    package let onHand: Numeric
    package let held: Numeric
    /// Never below zero.
    package let available: Numeric
    fileprivate let threshold: Numeric
  }

  /// By location.
  package let locations: [Location]
  /// The sum over the locations.
  package let available: Numeric
  package let status: Status

  init(_ locations: [Location], lowStockUnits: Numeric?) throws(ValueFault) {
    var available = Numeric.zero
    var threshold = Numeric.zero
    for location in locations {
      available = try available.adding(location.available)
      threshold = try threshold.adding(location.threshold)
    }
    self.locations = locations
    self.available = available
    // Below or at: a threshold is the stock at which to order.
    if available.signum <= 0 {
      status = .outOfStock
    } else {
      status = available <= lowStockUnits ?? threshold ? .lowStock : .inStock
    }
  }
}

/// Reads availability from the rows of one view.
package struct AvailabilityReader {
  /// A column of the view's key.
  package struct KeyColumn {
    /// In requests and answers.
    package let name: String
    /// Among the view's columns.
    package let index: Int
    package let type: ColumnType
  }

  package let view: LiveView
  /// The item, then what tells its places apart.
  package let key: [KeyColumn]
  /// By column of the view's key, its place in ``key``.
  package let keyOrder: [Int]
  let onHand: Int
  let held: Int?
  let available: Int?
  private let threshold: Int?
  private let lowStockUnits: Numeric?
  private let order: RowOrder

  package init(_ view: LiveView, _ columns: AvailabilityColumns) throws(AvailabilityFault) {
    self.view = view
    key = try columns.key.map { column throws(AvailabilityFault) in
      let index = try Self.index(column.column, view)
      return KeyColumn(
        name: column.name, index: index, type: view.definition.columns[index].type)
    }
    onHand = try Self.quantity(columns.onHand, view)
    held = try columns.held.map { name throws(AvailabilityFault) in try Self.quantity(name, view) }
    available = try columns.available.map { name throws(AvailabilityFault) in
      try Self.quantity(name, view)
    }
    switch columns.lowStockThreshold {
    case .column(let name):
      threshold = try Self.quantity(name, view)
      lowStockUnits = nil
    case .units(let units):
      threshold = nil
      lowStockUnits = Numeric(units)
    case nil:
      threshold = nil
      lowStockUnits = nil
    }
    let indices = key.map(\.index)
    keyOrder = view.definition.key.compactMap(indices.firstIndex)
    guard keyOrder.count == view.definition.key.count, Set(keyOrder).count == key.count else {
      throw .keyIsOther(
        view.definition.key.map { view.definition.columns[$0].name },
        configured: columns.key.map(\.column))
    }
    order = RowOrder(view, by: indices.dropFirst().map { RowOrder.Term(column: $0) })
  }

  package var item: KeyColumn { key[0] }
  /// What tells the places of an item apart; none where it has one.
  package var place: ArraySlice<KeyColumn> { key.dropFirst() }

  /// What there is of an item as of `sequence`; nil if no place has it. Valid while the reader is inside the gate.
  ///
  /// - Parameters:
  ///   - item: a key of the item's column alone.
  ///   - place: a key of the columns of ``place``; nil for all places.
  /// - Throws: what failed for one of the rows.
  package func read(item: RowRef, place: [UInt8]?, at sequence: UInt64) throws(ValueFault)
    -> Availability?
  {
    var locations: [Availability.Location] = []
    for version in versions(of: item, at: sequence) where isAt(place, version.row) {
      locations.append(try location(version))
    }
    guard !locations.isEmpty else { return nil }
    locations.sort { order.precedes($0.version.row, $1.version.row) }
    return try Availability(locations, lowStockUnits: lowStockUnits)
  }

  private func versions(of item: RowRef, at sequence: UInt64) -> [RowVersion] {
    guard key.count > 1 else { return view.table.find(item, at: sequence).map { [$0] } ?? [] }
    return view.table.find(group: item, at: sequence) ?? []
  }

  private func location(_ version: RowVersion) throws(ValueFault) -> Availability.Location {
    if let fault = version.fault { throw fault }
    let onHand = units(onHand, version.row)
    let held = held.map { units($0, version.row) } ?? .zero
    let left: Numeric
    if let available {
      left = units(available, version.row)
    } else {
      left = try onHand.subtracting(held)
    }
    return Availability.Location(
      version: version, onHand: onHand, held: held, available: left.signum < 0 ? .zero : left,
      threshold: threshold.map { units($0, version.row) } ?? .zero)
  }

  /// A sum over no rows is NULL, and nothing is there.
  func units(_ column: Int, _ row: RowRef) -> Numeric {
    switch row.datum(view.rowLayout.slots[column]) {
    case .word(let word): Numeric(word)
    case .bytes(let bytes): Numeric(encoded: bytes) ?? .zero
    case .null, .fault: .zero
    }
  }

  private func isAt(_ place: [UInt8]?, _ row: RowRef) -> Bool {
    guard let place else { return true }
    let slots = RowLayout(self.place.map(\.type)).slots
    return place.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      let wanted = RowRef(base: base, count: bytes.count)
      return zip(self.place, slots).allSatisfy { column, slot in
        let actual = row.datum(view.rowLayout.slots[column.index])
        return !actual.isNull && column.type.order(actual, wanted.datum(slot)) == 0
      }
    }
  }

  private static func index(_ name: String, _ view: LiveView) throws(AvailabilityFault) -> Int {
    guard let index = view.definition.columns.index(named: name) else {
      throw .unknownColumn(name)
    }
    return index
  }

  private static func quantity(_ name: String, _ view: LiveView) throws(AvailabilityFault) -> Int {
    let index = try index(name, view)
    switch view.definition.columns[index].type {
    case .int2, .int4, .int8, .numeric: return index
    default:
      throw .notANumber(column: name, typeName: view.definition.columns[index].typeName)
    }
  }
}
