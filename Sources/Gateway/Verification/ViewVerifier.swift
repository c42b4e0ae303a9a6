import Capture
import Engine
import JSONWire
import Runtime

/// Compares rows that are served with what Postgres says of them, at one position.
///
/// Keys are chosen among the rows that are served, which finds those that are wrong or too many, and among those that the
/// database has, which finds the missing ones. Each is looked at, asked for in one snapshot of the database, and looked at again
/// once the views include all that the snapshot could show. A row that was the same both times was so at the snapshot, and has
/// to be equal.
///
/// But the log tells of a commit before snapshots do: the server ends a transaction for others once its record is on the disk, and
/// on its standby if that is waited for. So a difference is looked at again, and counts once all transactions have ended that
/// were open when it was first seen. Blocks: for a queue of its own.
struct ViewVerifier {
  /// Where keys are chosen.
  enum Side: Sendable, CaseIterable {
    case served
    /// Makes the server compute the whole view once.
    case database

    static func random(using random: inout some RandomNumberGenerator) -> Side {
      Bool.random(using: &random) ? .served : .database
    }
  }

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
    /// The key as a condition on the view, named `v`.
    let condition: String
    /// As it is served; nil where it is not.
    let version: Version?

    /// Looks before a difference counts.
    var attemptsMin: Int {
      version == nil ? ViewVerifier.attempts : ViewVerifier.attemptsAtVersion
    }
  }

  private struct Version {
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

  /// Looks at a difference, the last half a second after the first.
  private static let attempts = 8
  /// Fewer will do where a row is served, whose version tells whether it has changed; one that is not may have come and gone.
  private static let attemptsAtVersion = 3
  private static let waitMax: Int64 = 10_000_000_000

  /// Compares about `count` rows of a view, chosen at random.
  func check(
    _ view: LiveView, _ side: Side, count: Int, _ connection: PostgresConnection,
    using random: inout some RandomNumberGenerator
  ) throws -> Report {
    var report = Report()
    guard view.hasKey else { return report }
    let samples =
      switch side {
      case .served: try sampleServed(view, count, using: &random)
      case .database: try sampleDatabase(view, count, connection, &report)
      }
    try compare(samples, view, connection, &report)
    return report
  }

  private func compare(
    _ samples: [Sample], _ view: LiveView, _ connection: PostgresConnection,
    _ report: inout Report
  ) throws {
    var samples = samples
    var open: Set<String>?
    for attempt in 1...Self.attempts where !samples.isEmpty {
      if attempt > 1 { pauseBriefly(doubled: UInt32(attempt - 1)) }
      let (rows, openNow) = try ask(samples, view, connection)
      let isSettled = open?.isDisjoint(with: openNow) ?? false
      open = open?.intersection(openNow) ?? openNow
      var different: [Sample] = []
      for (sample, row) in zip(samples, rows) {
        if current(sample.key, view)?.sequence != sample.version?.sequence {
          report.skipped += 1
        } else if Self.isEqual(sample.version?.json, row) {
          report.checked += 1
        } else if isSettled, attempt >= sample.attemptsMin {
          report.checked += 1
          report.differences.append(Self.difference(view, sample.version?.json, row))
        } else {
          different.append(sample)
        }
      }
      samples = different
    }
    // Somebody has kept a transaction open all the time, which may be what differs.
    report.skipped += samples.count
  }

  private static func difference(_ view: LiveView, _ served: String?, _ row: String?) -> String {
    "\(view.name): served \(served ?? "no such row"), the database has \(row ?? "no such row")"
  }

  // MARK: Served

  private func sampleServed(
    _ view: LiveView, _ count: Int, using random: inout some RandomNumberGenerator
  ) throws -> [Sample] {
    let visible = store.gate.enter(reader)
    defer { store.gate.leave(reader) }
    return try view.table.sample(count, at: visible.sequence, using: &random).map {
      key, version in
      let json = String(decoding: version.json, as: UTF8.self)
      return Sample(
        key: key, condition: try Self.condition(json, view),
        version: Version(sequence: version.sequence, json: json))
    }
  }

  private func current(_ key: [UInt8], _ view: LiveView) -> Version? {
    let visible = store.gate.enter(reader)
    defer { store.gate.leave(reader) }
    return key.withUnsafeBytes { bytes in
      bytes.baseAddress.flatMap {
        view.table.find(RowRef(base: $0, count: bytes.count), at: visible.sequence)
      }.map {
        Version(sequence: $0.sequence, json: String(decoding: $0.json, as: UTF8.self))
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

  /// What one snapshot answers, with the views at or behind it.
  private func snapshot<Answer>(
    _ connection: PostgresConnection, _ body: () throws -> Answer
  ) throws -> Answer {
    try connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    do {
      let answer = try body()
      let end = try connection.execute("SELECT pg_catalog.pg_current_wal_insert_lsn()")
      try connection.execute("COMMIT")
      if let lsn = end.first?[0].flatMap({ LSN($0) }) { try wait(for: lsn) }
      return answer
    } catch {
      _ = try? connection.execute("ROLLBACK")
      throw error
    }
  }

  /// - Returns: the rows, and the ids of the transactions that the snapshot does not see the end of.
  private func ask(_ samples: [Sample], _ view: LiveView, _ connection: PostgresConnection) throws
    -> ([String?], open: Set<String>)
  {
    try snapshot(connection) {
      let open = try connection.execute(
        "SELECT pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot())")
      let rows = try samples.map { sample in
        try connection.execute(
          "SELECT to_json(v)::text FROM \(PostgresConnection.quote(view.name)) v WHERE "
            + sample.condition
        ).first?[0]
      }
      return (rows, Set(open.compactMap { $0[0] }))
    }
  }

  /// Rows that the database has and that are served otherwise, or not at all; the others are counted.
  private func sampleDatabase(
    _ view: LiveView, _ count: Int, _ connection: PostgresConnection, _ report: inout Report
  ) throws -> [Sample] {
    let columns = view.definition.key.map {
      ", v.\(PostgresConnection.quote(view.definition.columns[$0].name))::text"
    }
    let rows = try snapshot(connection) {
      try connection.execute(
        "SELECT to_json(v)::text\(columns.joined()) FROM \(PostgresConnection.quote(view.name)) v "
          + "ORDER BY random() LIMIT \(count)")
    }
    let keys = KeyReader()
    var samples: [Sample] = []
    for row in rows {
      guard let json = row[0], let key = keys.read(row.dropFirst(), for: view) else {
        report.skipped += 1
        continue
      }
      let served = current(key, view)
      guard !Self.isEqual(served?.json, json) else {
        report.checked += 1
        continue
      }
      samples.append(
        Sample(key: key, condition: try Self.condition(json, view), version: served))
    }
    return samples
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
  static func isEqual(_ served: String?, _ row: String?) -> Bool {
    if served == row { return true }
    guard let served, let row else { return false }
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

extension KeyReader {
  /// The bytes that the view finds a row by, from the texts of its key's columns; nil if one can't be read.
  fileprivate func read(_ texts: ArraySlice<String?>, for view: LiveView) -> [UInt8]? {
    begin()
    do throws(Failure) {
      for text in texts {
        guard var text else {
          try addNull(view.keyTypes)
          continue
        }
        let failure = text.withUTF8 { utf8 -> Failure? in
          do throws(Failure) { try add(UnsafeRawBufferPointer(utf8), view.keyTypes) } catch {
            return error
          }
          return nil
        }
        if let failure { throw failure }
      }
      return Array(try end(view.keyTypes).bytes)
    } catch { return nil }
  }
}
