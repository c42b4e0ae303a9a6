/// How a drain went.
package struct DrainReport: Sendable, Equatable {
  /// Connections that had a request under way when the time was over.
  package let cutConnections: Int

  package init(cutConnections: Int) {
    self.cutConnections = cutConnections
  }
}
