extension AvailabilityReader {
  /// The row of a key as of `sequence`; valid while the reader is inside the gate.
  ///
  /// - Parameter key: the view's whole key.
  package func row(of key: HoldKey, at sequence: UInt64) -> RowVersion? {
    key.bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.flatMap {
        view.table.find(RowRef(base: $0, count: bytes.count), at: sequence)
      }
    }
  }

  /// The whole units that are available of a key, below zero where more is held than is there; nil for a key that the view
  /// does not have, or whose row has no right value.
  package func units(of key: HoldKey, at sequence: UInt64) -> Int64? {
    row(of: key, at: sequence).flatMap(wholeUnits)
  }

  /// What is available in a row, rounded down; a number that has no end is none.
  package func wholeUnits(_ version: RowVersion) -> Int64? {
    guard version.fault == nil else { return nil }
    do throws(ValueFault) {
      let left: Numeric
      if let available {
        left = units(available, version.row)
      } else {
        left = try units(onHand, version.row)
          .subtracting(held.map { units($0, version.row) } ?? .zero)
      }
      let whole = try left.floor()
      return whole > Self.unitsMax
        ? Self.unitsBound : whole < Self.unitsMin ? -Self.unitsBound : try whole.integer(Int64.self)
    } catch { return nil }
  }

  /// Sums of so many, of all that could ever be held, do not overflow.
  private static let unitsBound: Int64 = 1 << 60
  private static let unitsMax = Numeric(unitsBound)
  private static let unitsMin = Numeric(-unitsBound)
}
