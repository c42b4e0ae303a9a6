import Engine

/// What holds are taken from and how.
package struct HoldConfiguration: Sendable {
  /// A libpq connection string or URI.
  package let conninfo: String
  /// The availability view's name, with its schema or without, and its columns.
  package let view: String
  package let columns: AvailabilityColumns
  package let retention: Duration
  package let activeMax: Int?
  package let unitsMax: Int?
  package let perSecondMax: Int?
  /// The number by which the desk reads from the views.
  package let reader: Int

  package init(
    conninfo: String, view: String, columns: AvailabilityColumns, retention: Duration,
    activeMax: Int?, unitsMax: Int?, perSecondMax: Int?, reader: Int
  ) {
    self.conninfo = conninfo
    self.view = view
    self.columns = columns
    self.retention = retention
    self.activeMax = activeMax
    self.unitsMax = unitsMax
    self.perSecondMax = perSecondMax
    self.reader = reader
  }
}
