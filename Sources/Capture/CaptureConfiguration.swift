/// What capture follows and what it makes of it.
package struct CaptureConfiguration: Sendable {
  package struct View: Sendable {
    /// `schema.name`, or `name` where only one schema has it.
    package var name: String
    /// The columns that address a row; nil to derive them.
    package var key: [String]?

    package init(name: String, key: [String]? = nil) {
      self.name = name
      self.key = key
    }
  }

  /// A libpq connection string or URI.
  package var conninfo: String
  package var views: [View]
  /// Tables that are only inserted into.
  package var appendOnly: [String]
  package var slot: String
  package var publication: String
  /// Where holds are kept beside, if they are.
  package var holds: HoldInstallation?

  package init(
    conninfo: String, views: [View], appendOnly: [String] = [], slot: String = "onhand",
    publication: String = "onhand", holds: HoldInstallation? = nil
  ) {
    self.conninfo = conninfo
    self.views = views
    self.appendOnly = appendOnly
    self.slot = slot
    self.publication = publication
    self.holds = holds
  }
}
