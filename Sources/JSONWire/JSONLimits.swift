/// What one JSON text of a request may be.
package struct JSONLimits: Sendable {
  package var bytesMax: Int
  /// Arrays and objects inside of each other; the parser recurses that deep.
  package var depthMax: Int
  /// Of one object. Each name is compared with those before it.
  package var membersMax: Int

  package init(bytesMax: Int = 1_048_576, depthMax: Int = 16, membersMax: Int = 64) {
    self.bytesMax = bytesMax
    self.depthMax = depthMax
    self.membersMax = membersMax
  }
}
