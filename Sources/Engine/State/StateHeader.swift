/// What a state says of itself before anything else.
package struct StateHeader: Sendable, Equatable {
  /// Of the format; another one is not read. Words and rows are in the order of the machine that wrote them.
  package static let version: UInt32 = 1

  package let fingerprint: PlanFingerprint
  /// Of the process that wrote it. A store for the state is to be made with the same: tables are restored as they lay.
  package let hashSeed: UInt64

  private static let magic: UInt64 = 0x6574_6174_735f_686f

  init(fingerprint: PlanFingerprint, hashSeed: UInt64) {
    self.fingerprint = fingerprint
    self.hashSeed = hashSeed
  }

  /// Reads the header of a state, which comes first; any thread.
  package init(from reader: inout StateReader) throws {
    guard try reader.value(UInt64.self) == Self.magic else { throw reader.damage("a state") }
    let version = try reader.value(UInt32.self)
    guard version == Self.version else { throw StateFault.otherVersion(version) }
    fingerprint = PlanFingerprint(
      high: try reader.value(UInt64.self), low: try reader.value(UInt64.self))
    hashSeed = try reader.value(UInt64.self)
  }

  func write(to writer: inout StateWriter) throws {
    try writer.append(Self.magic)
    try writer.append(Self.version)
    try writer.append(fingerprint.high)
    try writer.append(fingerprint.low)
    try writer.append(hashSeed)
  }
}
