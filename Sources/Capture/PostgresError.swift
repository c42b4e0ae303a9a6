/// What went wrong between here and the server.
package struct PostgresError: Error, Sendable, CustomStringConvertible {
  package enum Kind: Sendable, Equatable {
    /// There was no connection to be had.
    case refusedConnection
    /// The connection was lost.
    case connection
    /// The server refused a statement.
    case statement
    /// The server sent what was not expected.
    case `protocol`
    /// We were asked to stop.
    case cancelled
  }

  package let kind: Kind
  package let message: String
  /// Five characters, where the server gave them.
  package let sqlState: String

  package init(_ kind: Kind, _ message: String, sqlState: String = "") {
    self.kind = kind
    // libpq ends its messages with a newline.
    var trimmed = Substring(message)
    while let last = trimmed.last, last.isWhitespace { trimmed.removeLast() }
    self.message = String(trimmed)
    self.sqlState = sqlState
  }

  /// Whether the server ends its sessions, or lets nobody in: it waits for those who follow its log to have taken all of it.
  var isShutdown: Bool {
    ["57P01", "57P02", "57P03"].contains(sqlState)
      || (sqlState.isEmpty && message.contains("shutting down"))
  }

  package var description: String {
    sqlState.isEmpty ? message : "\(message) (SQLSTATE \(sqlState))"
  }
}
