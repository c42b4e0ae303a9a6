import Foundation

/// A folder of an instance, and its slot, which go with it.
final class KeptFolder {
  let path = NSTemporaryDirectory() + "onhand-kept-\(UUID().uuidString)"
  let slot: String
  private let database: TestDatabase

  init(_ database: TestDatabase) {
    self.database = database
    slot = "kept_" + UUID().uuidString.prefix(8).lowercased()
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
    try? FileManager.default.removeItem(atPath: path + ".log")
    // A process that was killed may still be known to read it.
    for _ in 0..<50 {
      if (try? dropSlot()) != nil { return }
      pause(milliseconds: 100)
    }
  }

  func dropSlot() throws {
    try database.run(
      """
      SELECT pg_catalog.pg_drop_replication_slot(slot_name)
      FROM pg_catalog.pg_replication_slots WHERE slot_name = '\(slot)'
      """)
  }
}
