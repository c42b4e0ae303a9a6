import Catalog
import Engine

/// Why the log is not followed at the moment. Each is tried again, until it is mended.
package enum CaptureFailure: String, Sendable, CaseIterable {
  /// There was no connection to be had.
  case databaseUnreachable = "database_unreachable"
  /// The connection broke, or the server ended it.
  case connectionLost = "connection_lost"
  /// The password or a privilege is missing.
  case accessDenied = "access_denied"
  /// The server does not write what logical replication needs.
  case walLevelTooLow = "wal_level_too_low"
  /// All of `max_replication_slots` are taken.
  case noFreeSlot = "no_free_slot"
  /// All of `max_wal_senders`, or of the role's or the server's connections, are taken.
  case noFreeConnection = "no_free_connection"
  /// The server removed log that we had not read, or the slot.
  case slotLost = "slot_lost"
  /// The slot of our name is read by another process.
  case slotInUse = "slot_in_use"
  /// A view, or what it relies on, is not what it was: it is read anew.
  case schemaChanged = "schema_changed"
  /// A view can't be kept live as it is now, or a publication does not deliver what it reads.
  case refused
  /// Something that has no name here; the reason tells.
  case unexpected

  /// Whether what was followed can be gone on from once there is a connection.
  var keepsState: Bool {
    switch self {
    case .databaseUnreachable, .connectionLost, .accessDenied, .noFreeSlot, .noFreeConnection,
      .slotInUse, .walLevelTooLow:
      true
    case .slotLost, .schemaChanged, .refused, .unexpected: false
    }
  }

  init(_ error: any Error) {
    switch error {
    case is Refusal: self = .refused
    case is SchemaChanged: self = .schemaChanged
    case let error as PostgresError: self.init(error)
    default: self = .unexpected
    }
  }

  /// SQLSTATEs as of Postgres's appendix A; class 57 is the operator's intervention, 08 the connection's.
  private init(_ error: PostgresError) {
    switch error.sqlState {
    case "28000", "28P01", "42501": self = .accessDenied
    case "53400": self = .noFreeSlot
    case "53300": self = .noFreeConnection
    case "55006": self = .slotInUse
    case "55000" where error.message.contains("wal_level"): self = .walLevelTooLow
    case "55000", "58P01", "42704": self = .slotLost
    case let state where state.hasPrefix("57") || state.hasPrefix("08"): self = .connectionLost
    case "" where error.kind == .refusedConnection: self = .databaseUnreachable
    case "" where error.kind == .connection: self = .connectionLost
    default: self = .unexpected
    }
  }
}
