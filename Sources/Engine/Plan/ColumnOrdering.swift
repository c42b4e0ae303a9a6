/// What the database says of the order and letter case of a column's values, where the type leaves it open.
package struct ColumnOrdering: Hashable, Sendable {
  /// Of text: whether its collation orders by bytes. Another order only the server's libraries know.
  package let isByBytes: Bool
  /// Of text: whether only ASCII letters have two cases.
  package let hasASCIICaseOnly: Bool
  /// Of an enum: its labels in their order.
  package let labels: [String]

  package init(isByBytes: Bool, hasASCIICaseOnly: Bool, labels: [String] = []) {
    self.isByBytes = isByBytes
    self.hasASCIICaseOnly = hasASCIICaseOnly
    self.labels = labels
  }

  package static let unknown = ColumnOrdering(isByBytes: false, hasASCIICaseOnly: false)
}
