/// How much of one item can be sold, where.
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
  package let view: LiveView
  /// The item's and the location's column, among the view's.
  package let item: Int
  package let location: Int
  let onHand: Int
  let held: Int?
  let available: Int?
  private let threshold: Int?
  private let lowStockUnits: Numeric?
  private let order: RowOrder

  package init(_ view: LiveView, _ columns: AvailabilityColumns) throws(AvailabilityFault) {
    self.view = view
    item = try Self.index(columns.item, view)
    location = try Self.index(columns.location, view)
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
    guard view.definition.key.count == 2, Set(view.definition.key) == [item, location] else {
      throw .keyIsOther(view.definition.key.map { view.definition.columns[$0].name })
    }
    order = RowOrder(view, by: [RowOrder.Term(column: location)])
  }

  package var itemType: ColumnType { view.definition.columns[item].type }
  package var locationType: ColumnType { view.definition.columns[location].type }

  /// What there is of an item as of `sequence`; nil if no location has it. Valid while the reader is inside the gate.
  ///
  /// - Parameters:
  ///   - item: a key of the item's column alone.
  ///   - location: a key of the location's column alone; nil for all locations.
  /// - Throws: what failed for one of the rows.
  package func read(item: RowRef, location: [UInt8]?, at sequence: UInt64) throws(ValueFault)
    -> Availability?
  {
    var locations: [Availability.Location] = []
    for version in view.table.find(group: item, at: sequence) ?? []
    where isAt(location, version.row) {
      locations.append(try self.location(version))
    }
    guard !locations.isEmpty else { return nil }
    locations.sort { order.precedes($0.version.row, $1.version.row) }
    return try Availability(locations, lowStockUnits: lowStockUnits)
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

  private func isAt(_ location: [UInt8]?, _ row: RowRef) -> Bool {
    guard let location else { return true }
    let type = locationType
    return location.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      let wanted = RowRef(base: base, count: bytes.count).datum(RowLayout([type]).slots[0])
      let actual = row.datum(view.rowLayout.slots[self.location])
      return !actual.isNull && type.order(actual, wanted) == 0
    }
  }

  private static func index(_ name: String, _ view: LiveView) throws(AvailabilityFault) -> Int {
    guard let index = view.definition.columns.firstIndex(where: { $0.name == name }) else {
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
