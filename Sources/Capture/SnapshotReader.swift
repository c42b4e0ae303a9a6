import Engine
import PGOutput

/// Copies tables as of an exported snapshot into a dataflow.
struct SnapshotReader {
  private let connection: PostgresConnection

  init(_ connection: PostgresConnection) { self.connection = connection }

  /// Reads all rows of a table.
  ///
  /// - Parameter progress: is told how many more rows there are, now and then.
  func read(into input: TableInput, progress: (Int) -> Void) throws {
    let columns = input.source.columns
    let names = columns.map { PostgresConnection.quote($0.name) }.joined(separator: ", ")
    let table = PostgresConnection.quote(input.source.name)
    try connection.execute("COPY (SELECT \(names) FROM ONLY \(table)) TO STDOUT (FORMAT binary)")
    var isFirst = true
    var isEnded = false
    var count = 0
    while true {
      let read = try connection.readCopy(waits: true) { buffer in
        var cursor = Cursor(buffer)
        if isFirst {
          try BinaryCopy.skipHeader(&cursor)
          isFirst = false
        }
        while cursor.remaining > 0, !isEnded {
          isEnded = try !Self.readRow(&cursor, columns.count, input)
          count += isEnded ? 0 : 1
        }
      }
      guard read == .data else { break }
      if count >= Self.progressRows {
        progress(count)
        count = 0
      }
    }
    _ = try connection.rows()
    progress(count)
  }

  private static let progressRows = 10_000

  private static func readRow(_ cursor: inout Cursor, _ columns: Int, _ input: TableInput) throws
    -> Bool
  {
    guard let fields = try BinaryCopy.fieldCount(&cursor) else { return false }
    guard fields == columns else {
      throw DecodeError(offset: cursor.offset, expected: "\(columns) fields")
    }
    for column in 0..<columns {
      input.new[column] = try BinaryCopy.field(&cursor).map { .binary($0) } ?? .null
    }
    try input.insert()
    return true
  }
}
