import CPostgres
import Engine
import Glibc

/// One libpq connection, used by one queue at a time.
///
/// Waits with `poll`, in slices, so that ``StopFlag`` can end any wait. Every session has the same settings, whatever the
/// role's own: text forms do not depend on who asks.
package final class PostgresConnection {
  package enum Mode: Sendable {
    case ordinary
    /// Takes replication commands as well as SQL.
    case replication
  }

  private let handle: OpaquePointer
  private let stop: StopFlag
  /// Names of statements.
  private var prepared: Set<String> = []

  /// `search_path` is empty, so that every name we write is qualified.
  private static let settings =
    "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=1"
    + " -c search_path= -c client_min_messages=warning -c statement_timeout=0 -c lock_timeout=0"
    + " -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0"
    + " -c default_transaction_read_only=off -c bytea_output=hex"

  /// - Parameter conninfo: a libpq connection string or URI.
  package init(_ conninfo: String, mode: Mode = .ordinary, stop: StopFlag = StopFlag())
    throws(PostgresError)
  {
    self.stop = stop
    guard let string = ConnectionString(conninfo) else {
      throw PostgresError(.refusedConnection, "the connection string can't be read")
    }
    guard let handle = Self.connect(Self.parameters(string, mode)) else {
      throw PostgresError(.refusedConnection, "out of memory")
    }
    self.handle = handle
    guard PQstatus(handle) == CONNECTION_OK else {
      throw Self.refusal(String(cString: PQerrorMessage(handle)))
    }
    // Older servers don't know it, and refuse a connection that names it.
    if serverVersion >= 170_000 { try execute("SET transaction_timeout = 0") }
  }

  /// What the user may change stands before the connection string, what must be so after it.
  private static func parameters(_ string: ConnectionString, _ mode: Mode) -> [(String, String)] {
    var parameters = [
      ("application_name", "onhand"), ("connect_timeout", "10"), ("keepalives_idle", "30"),
      ("dbname", string.text), ("client_encoding", "UTF8"),
      ("options", "\(string.options) \(settings)"),
    ]
    if mode == .replication { parameters.append(("replication", "database")) }
    return parameters
  }

  deinit { PQfinish(handle) }

  /// Without a connection libpq tells no SQLSTATE; these are told apart by what every server's message contains.
  private static func refusal(_ message: String) -> PostgresError {
    let states = [
      ("max_wal_senders", "53300"), ("too many", "53300"), ("walsender", "42501"),
      ("WAL sender", "42501"), ("password", "28P01"), ("pg_hba.conf", "28000"),
    ]
    let state = states.first { message.contains($0.0) }?.1 ?? ""
    return PostgresError(.refusedConnection, message, sqlState: state)
  }

  private static func connect(_ parameters: [(String, String)]) -> OpaquePointer? {
    let keys = parameters.map { strdup($0.0) }
    let texts = parameters.map { strdup($0.1) }
    defer { for text in keys + texts { free(text) } }
    var keyPointers = keys.map { UnsafePointer<CChar>($0) } + [nil]
    var valuePointers = texts.map { UnsafePointer<CChar>($0) } + [nil]
    // The last argument lets dbname be a whole connection string.
    return PQconnectdbParams(&keyPointers, &valuePointers, 1)
  }

  package var socket: Int32 { PQsocket(handle) }
  package var serverVersion: Int { Int(PQserverVersion(handle)) }
  /// As `server_encoding` says.
  package var serverEncoding: String {
    PQparameterStatus(handle, "server_encoding").map { String(cString: $0) } ?? ""
  }
  package var serverProcess: Int32 { PQbackendPID(handle) }
  private var message: String { String(cString: PQerrorMessage(handle)) }

  // MARK: Statements

  /// Runs one statement with text parameters and returns its rows, nil for NULL.
  @discardableResult
  package func query(_ sql: String, _ parameters: [String?] = []) throws(PostgresError)
    -> [[String?]]
  {
    let texts = parameters.map { $0.flatMap { strdup($0) } }
    defer { for text in texts { free(text) } }
    let pointers = texts.map { UnsafePointer<CChar>($0) }
    let sent = PQsendQueryParams(
      handle, sql, Int32(pointers.count), nil, pointers, nil, nil, 0)
    guard sent == 1 else { throw PostgresError(.connection, message) }
    return try rows()
  }

  /// Runs a statement with text parameters and returns its rows, nil for NULL; its first time here it is prepared.
  package func query(_ statement: PreparedStatement, _ parameters: [String?] = [])
    throws(PostgresError) -> [[String?]]
  {
    if !prepared.contains(statement.name) { try prepare(statement) }
    let texts = parameters.map { $0.flatMap { strdup($0) } }
    defer { for text in texts { free(text) } }
    let pointers = texts.map { UnsafePointer<CChar>($0) }
    let sent = PQsendQueryPrepared(
      handle, statement.name, Int32(pointers.count), pointers, nil, nil, 0)
    guard sent == 1 else { throw PostgresError(.connection, message) }
    return try rows()
  }

  private func prepare(_ statement: PreparedStatement) throws(PostgresError) {
    guard PQsendPrepare(handle, statement.name, statement.sql, 0, nil) == 1 else {
      throw PostgresError(.connection, message)
    }
    _ = try rows()
    prepared.insert(statement.name)
  }

  /// Runs replication commands and statements that take no parameters, several at once if need be.
  @discardableResult
  package func execute(_ sql: String) throws(PostgresError) -> [[String?]] {
    try start(sql)
    return try rows()
  }

  /// Sends a statement whose result is read with ``rows()``, once ``wait(_:)`` says that it may be there.
  package func start(_ sql: String) throws(PostgresError) {
    guard PQsendQuery(handle, sql) == 1 else { throw PostgresError(.connection, message) }
  }

  /// Waits until a result can be read without blocking.
  ///
  /// - Returns: false if `seconds` passed first.
  package func wait(seconds: Double) throws(PostgresError) -> Bool {
    var slices = max(1, Int(seconds * 10))
    while PQisBusy(handle) == 1 {
      guard slices > 0 else { return false }
      slices -= 1
      if try poll(milliseconds: 100) { try consume() }
    }
    return true
  }

  /// Reads the result of a statement, all of it.
  package func rows() throws(PostgresError) -> [[String?]] {
    var rows: [[String?]] = []
    var failure: PostgresError?
    while true {
      while PQisBusy(handle) == 1 {
        if try poll(milliseconds: 100) { try consume() }
      }
      guard let result = PQgetResult(handle) else { break }
      defer { PQclear(result) }
      switch PQresultStatus(result) {
      case PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE: Self.read(result, into: &rows)
      case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: break
      case PGRES_COPY_OUT, PGRES_COPY_BOTH, PGRES_COPY_IN: return rows
      default: failure = failure ?? Self.error(of: result)
      }
    }
    if let failure { throw failure }
    return rows
  }

  private static func read(_ result: OpaquePointer, into rows: inout [[String?]]) {
    let columns = PQnfields(result)
    for row in 0..<PQntuples(result) {
      rows.append(
        (0..<columns).map { column in
          PQgetisnull(result, row, column) == 1
            ? nil : String(cString: PQgetvalue(result, row, column))
        })
    }
  }

  private static func error(of result: OpaquePointer) -> PostgresError {
    let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
    return PostgresError(
      .statement, String(cString: PQresultErrorMessage(result)), sqlState: state ?? "")
  }

  // MARK: COPY

  /// What came of reading one buffer of a COPY.
  package enum CopyRead {
    case data
    case wouldBlock
    case ended
  }

  /// Reads one buffer and passes it to `body`, valid for the call.
  ///
  /// - Parameter waits: whether to wait for one, or to answer ``CopyRead/wouldBlock``.
  package func readCopy<Failure: Error>(
    waits: Bool, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws -> CopyRead {
    var buffer: UnsafeMutablePointer<CChar>?
    while true {
      let count = PQgetCopyData(handle, &buffer, 1)
      if count > 0, let buffer {
        defer { PQfreemem(buffer) }
        try body(UnsafeRawBufferPointer(start: buffer, count: Int(count)))
        return .data
      }
      switch count {
      case 0:
        guard waits else { return .wouldBlock }
        if try poll(milliseconds: 100) { try consume() }
      case -1: return .ended
      default: throw PostgresError(.connection, message)
      }
    }
  }

  /// Sends bytes on a COPY in both directions; small, so that waiting for the socket is bounded.
  package func sendCopy(_ bytes: [UInt8]) throws(PostgresError) {
    let sent = bytes.withUnsafeBytes {
      PQputCopyData(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
    }
    guard sent == 1, PQflush(handle) >= 0 else { throw PostgresError(.connection, message) }
  }

  /// Takes what has arrived on the socket.
  package func consume() throws(PostgresError) {
    guard PQconsumeInput(handle) == 1 else { throw PostgresError(.connection, message) }
  }

  /// Waits for the socket; true if it can be read.
  package func poll(milliseconds: Int32) throws(PostgresError) -> Bool {
    guard !stop.isSet else { throw PostgresError(.cancelled, "stopped") }
    _ = PQflush(handle)
    var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&descriptor, 1, milliseconds) > 0
  }

  // MARK: Quoting

  /// A name as SQL takes it, whatever is in it.
  package static func quote(_ identifier: String) -> String {
    "\""
      + identifier.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }

  package static func quote(_ name: QualifiedName) -> String {
    quote(name.schema) + "." + quote(name.name)
  }

  /// A string as SQL takes it where a parameter can't stand.
  package static func quote(literal: String) -> String {
    let quoted = literal.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "''")
    guard quoted.contains("\\") else { return "'\(quoted)'" }
    let escaped = quoted.split(separator: "\\", omittingEmptySubsequences: false)
      .joined(separator: "\\\\")
    return "E'\(escaped)'"
  }
}
