/// Which columns of a view say how much of an item can be sold where.
package struct AvailabilityColumns: Sendable, Hashable {
  /// The units at or below which an item is low.
  package enum Threshold: Sendable, Hashable {
    /// In each row, added up over an item's locations.
    case column(String)
    case units(Int64)
  }

  /// A column of the view's key.
  package struct KeyColumn: Sendable, Hashable {
    /// In requests and answers, and in `onhand.hold_lines`.
    package let name: String
    /// In the view.
    package var column: String

    package init(name: String, column: String) {
      self.name = name
      self.column = column
    }
  }

  /// The item, then whatever tells its places apart: all columns of the view's key, which may have them in another order.
  package var key: [KeyColumn]
  package var onHand: String
  /// Units in active holds; none where it is left out.
  package var held: String?
  /// Units that can be sold; on hand less held where it is left out.
  package var available: String?
  package var lowStockThreshold: Threshold?

  package init(
    key: [KeyColumn], onHand: String, held: String? = nil, available: String? = nil,
    lowStockThreshold: Threshold? = nil
  ) {
    self.key = key
    self.onHand = onHand
    self.held = held
    self.available = available
    self.lowStockThreshold = lowStockThreshold
  }

  /// A key of an item and where it lies, if that is told, under these names.
  package init(
    item: String, location: String? = nil, onHand: String, held: String? = nil,
    available: String? = nil, lowStockThreshold: Threshold? = nil
  ) {
    let key = [KeyColumn(name: "item", column: item)]
    self.init(
      key: key + (location.map { [KeyColumn(name: "location", column: $0)] } ?? []),
      onHand: onHand, held: held, available: available, lowStockThreshold: lowStockThreshold)
  }

  /// Every column that holds units.
  package var quantities: [String] { [onHand] + [held, available].compactMap { $0 } }
}

/// Why a view can't tell availability as it is configured.
package enum AvailabilityFault: Error, Hashable, Sendable, CustomStringConvertible {
  case unknownColumn(String)
  case notANumber(column: String, typeName: String)
  /// Each place of an item has to have one row.
  case keyIsOther([String], configured: [String])

  package var description: String {
    switch self {
    case .unknownColumn(let name): "the view has no column \"\(name)\""
    case .notANumber(let column, let typeName):
      "\(column) is of type \(typeName); units are integer or numeric"
    case .keyIsOther(let key, let configured):
      "the view's key is (\(key.joined(separator: ", "))), and availability names "
        + "(\(configured.joined(separator: ", "))); name the same columns in both"
    }
  }
}
