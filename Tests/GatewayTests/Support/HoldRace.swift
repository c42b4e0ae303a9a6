import Capture
import Engine
import Foundation
import Synchronization
import TestSupport

@testable import Gateway

/// Shoppers, shops and a warehouse at once, over one database and one or more processes of Onhand.
final class HoldRace: Sendable {
  struct Settings: Sendable {
    var clients = 12
    var items = 3
    var rounds = 60
    var unitsMax = 3
    var linesMax = 3
    var partial = false
    var references = false
    var settles = true
    var writes = true
    /// Whether clients whose process does not answer ask again, of any process.
    var survivesKills = false
    /// How long clients let a process wait for the log; 0 for as long as it does by itself.
    var waitMilliseconds = 0
    /// After which a client takes a process for gone.
    var timeoutMilliseconds = 0
  }

  /// What a client knows of where the log decided a hold that it was told to have.
  enum Promise: Sendable {
    case decidedAt(UInt64)
    /// Told again, or by the database: it was decided by then.
    case decidedBy(UInt64)
  }

  struct Tally: Sendable {
    /// Holds that clients were told to have.
    var told: [String: Promise] = [:]
    var statuses: [Int: Int] = [:]
    var codes: [String: Int] = [:]
    var shopFailures: [String: Int] = [:]
    var settled = 0
    var lost = 0
    /// Not decided in time, and what came of an attempt to confirm it in SQL at once, by SQLSTATE.
    var early: [String: Int] = [:]
  }

  let shop: HoldShop
  let settings: Settings
  private let ports: Mutex<[UInt16]>
  private let seed: UInt64
  private let tally = Mutex(Tally())
  private let isOver = Atomic(false)
  private let isBodyDone = Atomic(false)

  init(_ shop: HoldShop, ports: [UInt16], seed: UInt64, _ settings: Settings) {
    self.shop = shop
    self.settings = settings
    self.ports = Mutex(ports)
    self.seed = seed
  }

  var result: Tally { tally.withLock { $0 } }

  /// A process came back at another port.
  func setPort(_ port: UInt16, of process: Int) { ports.withLock { $0[process] = port } }

  /// Runs all clients for their rounds, and for as long as `body` takes.
  func run(_ body: () throws -> Void) rethrows {
    let group = DispatchGroup()
    for number in 0..<settings.clients {
      Thread.detach(in: group) { self.shopper(number) }
    }
    if settings.writes { Thread.detach(in: group) { self.write() } }
    defer { group.wait() }
    defer { isBodyDone.store(true, ordering: .relaxed) }
    try body()
  }

  // MARK: Shoppers

  private func shopper(_ number: Int) {
    var random = SeededRandom(seed: seed &+ UInt64(number) &* 7919)
    let connection = try? shop.shopConnection()
    var held: [String] = []
    var round = 0
    while round < settings.rounds || !isBodyDone.load(ordering: .relaxed) {
      round += 1
      let body = body(&random, number)
      let key = "\(number)-\(round)"
      if let id = take(body, key, number, connection, &random) { held.append(id) }
      pause(milliseconds: UInt32(random.number(0...8)))
      guard settings.settles, !held.isEmpty, random.oneIn(2) else { continue }
      let hold = held.remove(at: random.number(0...held.count - 1))
      end(hold, connection, number, &random)
    }
    if number == 0 { isOver.store(true, ordering: .relaxed) }
  }

  private func body(_ random: inout SeededRandom, _ number: Int) -> String {
    let items = (1...settings.items).shuffled(using: &random)
      .prefix(random.number(1...min(settings.linesMax, settings.items)))
    let lines = items.map { HoldShop.line($0, random.number(1...settings.unitsMax)) }
    var more = ""
    if settings.partial, random.oneIn(2) { more += #","allow_partial":true"# }
    if settings.references, random.oneIn(2) { more += #","reference":"cart-\#(number)""# }
    return HoldShop.body(lines.joined(separator: ","), more: more)
  }

  /// Sends until there is an answer, with the same key.
  private func take(
    _ body: String, _ key: String, _ number: Int, _ connection: PostgresConnection?,
    _ random: inout SeededRandom
  ) -> String? {
    for attempt in 0..<Self.attemptsMax {
      do {
        let process = settings.survivesKills ? random.number(0...portCount - 1) : number % portCount
        let client = try HTTPClient(
          port: port(process), timeoutMilliseconds: settings.timeoutMilliseconds)
        let wait = settings.waitMilliseconds
        let target = wait == 0 ? "/v1/holds" : "/v1/holds?wait=\(wait)ms"
        let answer = try client.post(target, body, headers: ["Idempotency-Key": key])
        note(answer)
        if answer.status == 202, let id = answer["hold_id"] { confirmEarly(id, connection) }
        switch answer.status {
        case 200, 201:
          let id = answer["hold_id"]
          if let id { told(id, promise(answer)) }
          return id
        case 409 where answer["code"] == "hold_in_flight" || answer["code"] == "hold_busy":
          pause(milliseconds: 20)
        case 202,
          503 where settings.survivesKills:
          pause(milliseconds: 100)
        default: return nil
        }
      } catch {
        tally.withLock { $0.lost += 1 }
        guard settings.survivesKills, attempt + 1 < Self.attemptsMax else { return nil }
        pause(milliseconds: 50)
      }
    }
    return nil
  }

  private func promise(_ answer: HTTPClient.Response) -> Promise {
    if let position = answer["position"].flatMap(lsn) { return .decidedAt(position) }
    return .decidedBy(answer.fields["onhand-position"].flatMap(lsn) ?? 0)
  }

  private func lsn(_ position: String) -> UInt64? {
    position.split(separator: ":").last.flatMap { LSN($0)?.value }
  }

  private func told(_ id: String, _ promise: Promise) {
    tally.withLock { $0.told[id] = $0.told[id] ?? promise }
  }

  /// A shop that does not wait for the verdict. What it gets all the same counts as told.
  private func confirmEarly(_ id: String, _ connection: PostgresConnection?) {
    guard let connection else { return }
    var state = "confirmed"
    do { try connection.execute("SELECT onhand.confirm('\(id)')") } catch {
      state = error.sqlState
    }
    tally.withLock { $0.early[state, default: 0] += 1 }
    guard state == "confirmed" else { return }
    let end = try? connection.query("SELECT pg_current_wal_insert_lsn()").first?[0]
    if let end = end.flatMap(lsn) { told(id, .decidedBy(end)) }
  }

  /// Enough to outlast the time in which another process may not speak for the one that took a hold.
  private static let attemptsMax = 120

  private var portCount: Int { ports.withLock { $0.count } }
  private func port(_ process: Int) -> UInt16 { ports.withLock { $0[process] } }

  private func note(_ answer: HTTPClient.Response) {
    tally.withLock { tally in
      tally.statuses[answer.status, default: 0] += 1
      if let code = answer["code"] { tally.codes[code, default: 0] += 1 }
    }
  }

  /// The shop's own transaction: stock moves and the hold is settled, or it is confirmed or given back.
  private func end(
    _ id: String, _ connection: PostgresConnection?, _ number: Int, _ random: inout SeededRandom
  ) {
    guard let connection else { return }
    do {
      switch random.number(0...3) {
      case 0: try connection.execute("SELECT onhand.release('\(id)')")
      case 1: try connection.execute("SELECT onhand.confirm('\(id)')")
      default:
        // Before the stock: whoever has the hold's row has the right to its units.
        try connection.execute("BEGIN")
        try connection.execute("SELECT onhand.settle('\(id)')")
        try connection.execute("SELECT pg_sleep(\(Double(random.number(0...20)) / 1000))")
        // In one order, or shops would be in each other's way.
        try connection.execute(
          """
          SELECT FROM stock s JOIN onhand.hold_lines l ON s.item_id = l.item AND s.store = l.location
          WHERE l.hold_id = '\(id)' ORDER BY s.item_id FOR UPDATE OF s
          """)
        try connection.execute(
          """
          UPDATE stock s SET units = units - l.quantity FROM onhand.hold_lines l
          WHERE l.hold_id = '\(id)' AND s.item_id = l.item AND s.store = l.location
          """)
        try connection.execute("COMMIT")
        tally.withLock { $0.settled += 1 }
      }
    } catch {
      _ = try? connection.execute("ROLLBACK AND NO CHAIN")
      tally.withLock { $0.shopFailures[error.sqlState, default: 0] += 1 }
    }
  }

  // MARK: The warehouse

  /// Stock comes in small numbers while there are shoppers.
  private func write() {
    var random = SeededRandom(seed: seed ^ 0xABCD)
    guard let connection = try? shop.shopConnection() else { return }
    while !isOver.load(ordering: .relaxed) {
      let item = random.number(1...settings.items)
      _ = try? connection.execute(
        "UPDATE stock SET units = units + \(random.number(1...2)) WHERE item_id = \(item) AND store = 'north'"
      )
      pause(milliseconds: UInt32(random.number(5...30)))
    }
  }
}

extension HoldShop {
  /// A session that the server knows as a shop's.
  func shopConnection() throws -> PostgresConnection {
    let connection = try PostgresConnection(database.conninfo + " application_name=shop")
    try connection.execute("SET application_name = 'shop'; SET search_path = public")
    return connection
  }
}

extension Thread {
  /// Not one of Dispatch's threads, which are few: each of these blocks.
  fileprivate static func detach(in group: DispatchGroup, _ body: @escaping @Sendable () -> Void) {
    group.enter()
    Thread {
      body()
      group.leave()
    }.start()
  }
}

/// Cuts sessions of Onhand now and then, its stream among them.
final class SessionCutter: Sendable {
  private let background: Background

  init(_ database: TestDatabase, seed: UInt64) throws {
    nonisolated(unsafe) let connection = try database.connect()
    nonisolated(unsafe) var random = SeededRandom(seed: seed)
    try connection.execute("SET application_name = 'cutter'")
    background = Background { _ in
      pause(milliseconds: UInt32(random.number(40...200)))
      try connection.execute(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'onhand'
        ORDER BY random() LIMIT 1
        """)
    }
  }

  /// - Returns: how many it has cut.
  func stop() throws -> Int { try background.stop() }
}

/// Watches who waits for whose locks while a race is on, for longer than a commit takes.
final class LockWatch: Sendable {
  struct Waits: Sendable {
    var shopsForOnhand = 0
    var onhandForShops = 0
    var looks = 0
    /// The statements that waited.
    var statements: Set<String> = []
  }

  private final class Shared: Sendable {
    let waits = Mutex(Waits())
  }

  private let shared = Shared()
  private let background: Background

  init(_ database: TestDatabase) throws {
    nonisolated(unsafe) let connection = try database.connect()
    let shared = shared
    background = Background { _ in
      let rows = try connection.execute(Self.waiting)
      shared.waits.withLock { waits in
        waits.looks += 1
        for row in rows {
          if row[0] == "shop", row[1] == "onhand", row[2] == "t" { waits.shopsForOnhand += 1 }
          if row[0] == "onhand", row[1] == "shop" {
            waits.onhandForShops += 1
            waits.statements.insert(row[3] ?? "")
          }
        }
      }
      pause(milliseconds: 5)
    }
  }

  func stop() throws -> Waits {
    try background.stop()
    return shared.waits.withLock { $0 }
  }

  private static let waiting = """
    SELECT w.application_name, b.application_name,
      clock_timestamp() - w.query_start > interval '200 ms',
      w.wait_event || ' ' || w.query || ' blocked by ' || b.state || ' ' || b.query
    FROM pg_stat_activity w
    CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocker
    JOIN pg_stat_activity b ON b.pid = blocker
    -- The making of a slot waits for whoever writes, as it must; a table grows under a lock that no transaction keeps.
    WHERE w.datname = current_database() AND w.wait_event_type = 'Lock' AND w.wait_event <> 'extend'
      AND w.backend_type = 'client backend'
    """
}
