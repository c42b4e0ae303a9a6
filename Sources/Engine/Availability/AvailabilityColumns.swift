/// Which columns of a view say how much of an item can be sold where.
package struct AvailabilityColumns: Sendable, Hashable {
  /// The units at or below which an item is low.
  package enum Threshold: Sendable, Hashable {
    /// In each row, added up over an item's locations.
    case column(String)
    case units(Int64)
  }

  package var item: String
  package var location: String
  package var onHand: String
  /// Units in active holds; none where it is left out.
  package var held: String?
  /// Units that can be sold; on hand less held where it is left out.
  package var available: String?
  package var lowStockThreshold: Threshold?

  package init(
    item: String, location: String, onHand: String, held: String? = nil, available: String? = nil,
    lowStockThreshold: Threshold? = nil
  ) {
    self.item = item
    self.location = location
    self.onHand = onHand
    self.held = held
    self.available = available
    self.lowStockThreshold = lowStockThreshold
  }

  /// Every column that holds units.
  package var quantities: [String] { [onHand] + [held, available].compactMap { $0 } }
}

/// Why a view can't tell availability as it is configured.
package enum AvailabilityFault: Error, Hashable, Sendable, CustomStringConvertible {
  case unknownColumn(String)
  case notANumber(column: String, typeName: String)
  /// The key has to be item and location, so that each location of an item has one row.
  case keyIsOther([String])

  package var description: String {
    switch self {
    case .unknownColumn(let name): "the view has no column \"\(name)\""
    case .notANumber(let column, let typeName):
      "\(column) is of type \(typeName); units are integer or numeric"
    case .keyIsOther(let key):
      "the view's key is (\(key.joined(separator: ", "))), not item and location; name them in its key"
    }
  }
}
