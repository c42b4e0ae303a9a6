/// The rows of one step with their summed weights: what came and went in the end.
final class StepWeights {
  private var table = RowTable(payloadBytes: 8)
  private let hasher: RowHasher

  init(hasher: RowHasher) { self.hasher = hasher }

  func add(_ batch: RowBatch) {
    for entry in batch.entries {
      let row = batch.row(entry)
      var inserted = false
      let record = table.findOrInsert(row, hash: hasher.hash(row), inserted: &inserted)
      let weight = record.payload.load(as: Int.self) + entry.weight
      record.payload.storeBytes(of: weight, as: Int.self)
    }
  }

  /// Calls `body` with each row whose weight is not zero; rows stay valid until ``removeAll()``.
  func forEachRow(_ body: (RowRef, Int) -> Void) {
    table.forEachRecord { record in
      let weight = record.payload.load(as: Int.self)
      if weight != 0 { body(record.key, weight) }
    }
  }

  func removeAll() { table.removeAll() }
}
