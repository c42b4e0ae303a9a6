import Capture
import Dispatch
import Logging
import Runtime

/// Carries out the demo shop's transactions, so many a second, until it is stopped.
///
/// On its own queue with its own connection. A lost connection is opened again, and the stock read again, a second later.
package actor DemoTraffic: QueueConfined {
  package nonisolated let executor = QueueExecutor(label: "onhand.demo.traffic")
  private nonisolated let stopFlag = StopFlag()

  private let conninfo: String
  private let seed: UInt64
  /// Transactions a second.
  private let rate: Double
  private let logger: Logger
  /// Where checkouts hold what they are about to sell; nil for none.
  private let client: DemoClient?
  private var checkouts: DemoCheckouts

  private struct Session {
    let connection: PostgresConnection
    var workload: ShopWorkload
  }

  private var timer: DispatchSourceTimer?
  private var session: Session?
  /// Transactions due; a fraction is carried to the next tick.
  private var due = 0.0
  private var ticksToSkip = 0

  /// - Parameters:
  ///   - conninfo: of a database with ``DemoShop`` installed.
  ///   - seed: decides what happens.
  ///   - server: takes holds.
  package init(
    conninfo: String, seed: UInt64 = 1, rate: Double = 20, server: ListenAddress? = nil,
    logger: Logger
  ) {
    precondition(rate > 0)
    client = server.map(DemoClient.init)
    checkouts = DemoCheckouts(seed: seed)
    self.conninfo = conninfo
    self.seed = seed
    self.rate = rate
    self.logger = logger
  }

  package nonisolated func start() { post { $0.startTimer() } }

  /// Ends any wait on the server; nothing is sent any more.
  package nonisolated func stop() {
    stopFlag.set()
    post { $0.finish() }
  }

  /// Finer ticks would only cost wake-ups: a tick may carry several transactions.
  private static let tickMin = 0.01
  private static let reconnectDelay = 1.0

  private var tick: Double { max(1 / rate, Self.tickMin) }

  private func startTimer() {
    guard timer == nil, !stopFlag.isSet else { return }
    let timer = DispatchSource.makeTimerSource(queue: executor.queue)
    timer.schedule(deadline: .now(), repeating: tick)
    timer.setEventHandler { self.runDue() }
    timer.activate()
    self.timer = timer
  }

  private func finish() {
    timer?.cancel()
    timer = nil
    session = nil
  }

  /// Missed ticks are not made up for: a server that can't keep up sets the pace.
  private func runDue() {
    guard ticksToSkip == 0 else {
      ticksToSkip -= 1
      return
    }
    due += rate * tick
    while due >= 1, !stopFlag.isSet {
      due -= 1
      do {
        try runOne()
      } catch {
        lose(error)
        return
      }
    }
  }

  private func runOne() throws {
    var current = try session ?? connect()
    if let checkout = checkouts.next() {
      try end(checkout, &current)
    } else if let transaction = current.workload.next(), !hold(transaction, &current) {
      let rows = try current.connection.execute(transaction.sql)
      let order = rows.first?.first.flatMap { $0.flatMap { Int64($0) } }
      current.workload.committed(transaction, order: order)
    }
    session = current
  }

  /// Takes a hold in place of a sale, now and then; the workload takes its units for sold.
  private func hold(_ transaction: ShopTransaction, _ current: inout Session) -> Bool {
    guard let client, case .sale(let location, let lines) = transaction, checkouts.wantsSale(),
      let hold = client.hold(lines, at: location, ttl: DemoCheckouts.ttl)
    else { return false }
    current.workload.committed(transaction)
    checkouts.begin(hold, location, lines)
    return true
  }

  private func end(_ checkout: DemoCheckouts.Checkout, _ current: inout Session) throws {
    var isSold = checkout.isBought
    do throws(PostgresError) { try current.connection.execute(checkout.sql) } catch {
      // Expired: the shop was slower than the hold lasts.
      guard error.sqlState.hasPrefix("OH") else { throw error }
      if checkout.isBought { try current.connection.execute("ROLLBACK") }
      isSold = false
    }
    guard !isSold else { return }
    for line in checkout.lines {
      current.workload.committed(.receipt(location: checkout.location, line))
    }
  }

  private func lose(_ error: any Error) {
    session = nil
    due = 0
    guard !stopFlag.isSet else { return }
    ticksToSkip = Int(Self.reconnectDelay / tick)
    logger.warning("demo_traffic_interrupted", metadata: ["error": "\(error)"])
  }

  private func connect() throws(PostgresError) -> Session {
    let connection = try PostgresConnection(conninfo, stop: stopFlag)
    try connection.execute("SET search_path = public")
    let workload = ShopWorkload(stock: try Self.readStock(connection), seed: seed)
    return Session(connection: connection, workload: workload)
  }

  private static func readStock(_ connection: PostgresConnection) throws(PostgresError)
    -> ShopWorkload.Stock
  {
    var stock = ShopWorkload.Stock()
    for row in try connection.execute("SELECT item_id, reorder_point FROM items") {
      stock.reorderPoints[number(row[0])] = number(row[1])
    }
    let locations = try connection.execute(
      "SELECT location_id, kind = 'warehouse', region FROM locations ORDER BY location_id")
    stock.locations = locations.map {
      .init(id: number($0[0]), isWarehouse: $0[1] == "t", region: $0[2] ?? "")
    }
    for row in try connection.execute("SELECT item_id, location_id, on_hand FROM live_stock") {
      stock.onHand[.init(item: number(row[0]), location: number(row[1]))] = number(row[2])
    }
    return stock
  }

  private static func number(_ text: String?) -> Int { text.flatMap { Int($0) } ?? 0 }
}
