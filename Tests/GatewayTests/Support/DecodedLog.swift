import Capture

/// What committed in a database, in the order of its log, as `test_decoding` prints it: another decoder than ours.
struct DecodedLog {
  struct Change {
    enum Kind: String {
      case insert = "INSERT"
      case update = "UPDATE"
      case delete = "DELETE"
    }
    let table: String
    let kind: Kind
    let values: [String: String]
  }

  struct Transaction {
    /// Where its commit record ends: the position of whoever has applied it.
    let end: UInt64
    let changes: [Change]
  }

  let transactions: [Transaction]

  static func begin(_ connection: PostgresConnection) throws {
    do throws(PostgresError) {
      try connection.execute("SELECT pg_create_logical_replication_slot('audit', 'test_decoding')")
    } catch {
      // Some builds of the server come without it.
      guard error.sqlState == "58P01" else { throw error }
      print("the server has no test_decoding, the log is not audited")
    }
  }

  /// Reads all that committed since ``begin(_:)``; nil if the server has no decoder for it.
  init?(_ connection: PostgresConnection) throws {
    let slots = try connection.execute(
      "SELECT FROM pg_replication_slots WHERE slot_name = 'audit'")
    guard !slots.isEmpty else { return nil }
    let rows = try connection.execute(
      "SELECT data, lsn - '0/0' FROM pg_logical_slot_get_changes('audit', NULL, NULL)")
    var transactions: [Transaction] = []
    var current: [Change] = []
    for row in rows {
      let line = row[0] ?? ""
      if line.hasPrefix("BEGIN") {
        current = []
      } else if line.hasPrefix("COMMIT") {
        transactions.append(Transaction(end: row[1].flatMap { UInt64($0) } ?? 0, changes: current))
      } else if let change = Self.change(line) {
        current.append(change)
      }
    }
    self.transactions = transactions
    try connection.execute("SELECT pg_drop_replication_slot('audit')")
  }

  private static func change(_ line: String) -> Change? {
    let parts = line.split(separator: ": ", maxSplits: 2)
    guard parts.count == 3, parts[0].hasPrefix("table "),
      let kind = Change.Kind(rawValue: String(parts[1]))
    else { return nil }
    let tuple = parts[2].range(of: "new-tuple: ").map { parts[2][$0.upperBound...] } ?? parts[2]
    return Change(
      table: String(parts[0].dropFirst(6)), kind: kind, values: values(Array(tuple.utf8)))
  }

  /// `name[type]:value` after each other, texts in quotes.
  private static func values(_ text: [UInt8]) -> [String: String] {
    var values: [String: String] = [:]
    var at = 0
    func string(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
    while at < text.count {
      guard let open = text[at...].firstIndex(of: UInt8(ascii: "[")),
        let close = text[open...].firstIndex(of: UInt8(ascii: "]"))
      else { break }
      let name = string(at..<open)
      var end = close + 2
      if end < text.count, text[end] == UInt8(ascii: "'") {
        let start = end + 1
        end = start
        while end < text.count,
          text[end] != UInt8(ascii: "'")
            || (end + 1 < text.count && text[end + 1] == UInt8(ascii: "'"))
        {
          end += text[end] == UInt8(ascii: "'") ? 2 : 1
        }
        values[name] = string(start..<end)
        end += 1
      } else {
        let start = end
        while end < text.count, text[end] != UInt8(ascii: " ") { end += 1 }
        values[name] = string(start..<end)
      }
      at = end + 1
    }
    return values
  }
}
