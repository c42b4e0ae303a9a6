import Capture
import Engine
import JSONWire
import Runtime

/// Compares rows that are served with what Postgres says of them, at one position.
///
/// Rows are looked at, asked for in one snapshot of the database, and looked at again once the views include all that the
/// snapshot could show. A row that was the same both times was so at the snapshot, and has to be equal. A difference is
/// looked at twice more before it counts. Blocks: for a queue of its own.
struct ViewVerifier {
  struct Report {
    /// Rows compared.
    var checked = 0
    /// Rows that changed meanwhile, and tell nothing.
    var skipped = 0
    /// What is wrong, one line for each row.
    var differences: [String] = []
  }

  private struct Sample {
    let key: [UInt8]
    let sequence: UInt64
    let json: String
  }

  let store: ViewStore
  /// The number by which it reads from the views.
  let reader: Int
  let clock: Clock
  let stop: StopFlag
  /// Tells capture that somebody waits for a position.
  let positionIsAwaited: @Sendable () -> Void

  private static let attempts = 3
  private static let waitMax: Int64 = 10_000_000_000

  /// Compares about `count` rows of a view, chosen at random.
  func check(
    _ view: LiveView, count: Int, _ connection: PostgresConnection,
    using random: inout some RandomNumberGenerator
  ) throws -> Report {
    var report = Report()
    guard view.hasKey else { return report }
    var samples = sample(view, count, using: &random)
    for attempt in 1...Self.attempts where !samples.isEmpty {
      let rows = try ask(samples, view, connection)
      var different: [[UInt8]] = []
      for (sample, row) in zip(samples, rows) {
        let now = current(sample.key, view)
        guard now?.sequence == sample.sequence else {
          report.skipped += 1
          continue
        }
        if Self.isEqual(sample.json, row) {
          report.checked += 1
        } else if attempt < Self.attempts {
          different.append(sample.key)
        } else {
          report.checked += 1
          report.differences.append(
            "\(view.name): served \(sample.json), the database has \(row ?? "no such row")")
        }
      }
      samples = different.compactMap { current($0, view) }
    }
    return report
  }

  // MARK: Served

  private func sample(
    _ view: LiveView, _ count: Int, using random: inout some RandomNumberGenerator
  ) -> [Sample] {
    let visible = store.gate.enter(reader)
    defer { store.gate.leave(reader) }
    return view.table.sample(count, at: visible.sequence, using: &random).map { key, version in
      Sample(
        key: key, sequence: version.sequence, json: String(decoding: version.json, as: UTF8.self))
    }
  }

  private func current(_ key: [UInt8], _ view: LiveView) -> Sample? {
    let visible = store.gate.enter(reader)
    defer { store.gate.leave(reader) }
    return key.withUnsafeBytes { bytes in
      bytes.baseAddress.flatMap {
        view.table.find(RowRef(base: $0, count: bytes.count), at: visible.sequence)
      }.map {
        Sample(key: key, sequence: $0.sequence, json: String(decoding: $0.json, as: UTF8.self))
      }
    }
  }

  private func wait(for lsn: LSN) throws {
    let deadline = clock.monotonic + Self.waitMax
    // Waits among the requests, so that capture asks for the position; the wake is not needed.
    _ = store.gate.wait(for: lsn, now: clock.monotonic, deadline: deadline, wake: {})
    positionIsAwaited()
    while !store.gate.hasReached(lsn, store.gate.visible) {
      guard clock.monotonic < deadline, !stop.isSet else {
        throw PostgresError(.cancelled, "the views did not reach \(lsn)")
      }
      pauseBriefly()
    }
  }

  // MARK: In the database

  /// The rows as one snapshot has them, and the views at or behind it.
  private func ask(_ samples: [Sample], _ view: LiveView, _ connection: PostgresConnection) throws
    -> [String?]
  {
    try connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    let rows = try samples.map { sample in
      try connection.execute(
        "SELECT to_json(v)::text FROM \(PostgresConnection.quote(view.name)) v WHERE "
          + Self.condition(sample.json, view)
      ).first?[0]
    }
    let end = try connection.execute("SELECT pg_catalog.pg_current_wal_insert_lsn()")
    try connection.execute("COMMIT")
    guard let lsn = end.first?[0].flatMap({ LSN($0) }) else { return rows }
    try wait(for: lsn)
    return rows
  }

  /// By constants and not by parameters of a join, so that the server looks at one group alone.
  private static func condition(_ json: String, _ view: LiveView) throws -> String {
    let document = try Array(json.utf8).withUnsafeBytes { try JSONDocument($0) }
    return view.definition.key.map { index in
      let name = view.definition.columns[index].name
      let column = "v." + PostgresConnection.quote(name)
      guard let value = document.root[name], value.kind != .null else {
        return "\(column) IS NULL"
      }
      let text = value.kind == .bool(true) ? "true" : value.kind == .bool(false) ? "false" : nil
      return "\(column) = "
        + PostgresConnection.quote(literal: text ?? value.string ?? value.number ?? "")
    }.joined(separator: " AND ")
  }

  // MARK: Comparing

  /// Whether two rows are the same, numbers by their value: equal ones may print differently, and sums of floats depend
  /// on the order of rows.
  static func isEqual(_ served: String, _ row: String?) -> Bool {
    guard let row else { return false }
    if served == row { return true }
    do {
      let a = try Array(served.utf8).withUnsafeBytes { try JSONDocument($0) }
      let b = try Array(row.utf8).withUnsafeBytes { try JSONDocument($0) }
      return isEqual(a.root, b.root)
    } catch { return false }
  }

  private static func isEqual(_ a: JSONValue, _ b: JSONValue) -> Bool {
    guard a.kind == b.kind, a.count == b.count else { return false }
    switch a.kind {
    case .null, .bool: return true
    case .string: return a.string == b.string
    case .number:
      guard let (x, y) = zipped(a.number.flatMap(Double.init), b.number.flatMap(Double.init))
      else { return false }
      return a.number == b.number || abs(x - y) <= 1e-12 * max(abs(x), abs(y))
    case .array:
      guard let (x, y) = zipped(a.elements, b.elements) else { return false }
      return zip(x, y).allSatisfy { isEqual($0, $1) }
    case .object:
      guard let (x, y) = zipped(a.members, b.members) else { return false }
      return zip(x, y).allSatisfy { $0.name == $1.name && isEqual($0.value, $1.value) }
    }
  }

  private static func zipped<A, B>(_ a: A?, _ b: B?) -> (A, B)? {
    if let a, let b { (a, b) } else { nil }
  }
}
