import ArgumentParser
import Capture
import Foundation
import Logging

/// `onhand demo`
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Runs a small shop on a database of its own and serves it, until stopped.",
    discussion: "Everything is in a temporary folder, which is removed at the end.")

  @Option(help: "Where to listen; port 0 picks one.")
  var listen = "127.0.0.1:8080"

  @Option(help: "Transactions a second.")
  var rate = 20.0

  @Option(help: "Decides what happens in the shop.")
  var seed: UInt64 = 1

  @Option(help: "A folder with a site to serve at / in place of the board.")
  var web: String?

  func validate() throws {
    guard let address = ListenAddress(listen), address.isLoopback else {
      throw ValidationError("--listen must be a loopback address, as 127.0.0.1:8080")
    }
    guard rate > 0, rate <= 10_000 else {
      throw ValidationError("--rate must be above 0 and at most 10000")
    }
  }

  func run() async throws {
    let logger = Logger(label: "onhand", factory: LineLogHandler.init)
    let signals = StopSignals()
    say("Starting a private PostgreSQL ...")
    let template = try ClusterTemplate(ServerPrograms())
    defer { template.remove() }
    let cluster = try template.makeCluster()
    try cluster.start()
    let configuration = try prepare(cluster)
    let service = try Service(configuration, logger: logger)
    let traffic = DemoTraffic(
      conninfo: configuration.database, seed: seed, rate: rate,
      server: ListenAddress(host: configuration.listen.host, port: service.port), logger: logger)
    traffic.start()
    printGuide("http://\(configuration.listen.host):\(service.port)", cluster)
    await signals.wait()
    traffic.stop()
    await service.stop()
  }

  /// A database with the shop in it, prepared as `onhand init` does.
  private func prepare(_ cluster: PrivateCluster) throws -> Configuration {
    var configuration = Configuration()
    configuration.database = try cluster.createDatabase("shop")
    if let address = ListenAddress(listen) { configuration.listen = address }
    if let web { try configuration.setWeb(web) }
    try DemoShop.prepare(&configuration)
    return configuration
  }

  private func printGuide(_ url: String, _ cluster: PrivateCluster) {
    say(
      """

      The shop is open.

        board      \(url)/
        views      curl -s \(url)/v1/views
        alerts     curl -s \(url)/v1/views/low_stock_alerts/rows
        one row    curl -s \(url)/v1/views/live_stock/rows/1,1
        filtered   curl -s '\(url)/v1/views/live_stock/rows?region=eq.US-East&on_hand=lt.20&order=on_hand'
        for sale   curl -s \(url)/v1/availability/1
        held now   curl -s '\(url)/v1/views/availability/rows?held=gt.0&select=item,location,on_hand,held,available'
        summary    curl -s '\(url)/v1/views/network_summary/rows?limit=3'
        changes    curl -sN -H 'Accept: text/event-stream' \(url)/v1/views/low_stock_alerts/changes
        contract   \(url)/docs
        readiness  curl -s \(url)/readyz
        metrics    curl -s \(url)/metrics
        database   psql "\(cluster.conninfo(database: "shop"))"

      Change something in the database and read it back, at once or not before it is there:

        POSITION=$(psql -At "\(cluster.conninfo(database: "shop"))" -c \\
          "UPDATE items SET name = 'Renamed' WHERE item_id = 1" -c "SELECT onhand.position()" | tail -1)
        curl -s "\(url)/v1/views/network_summary/rows/1?min_position=$POSITION"

      Hold two units, and let them go from held to sold in one transaction:

        HOLD=$(curl -s -H 'Content-Type: application/json' \(url)/v1/holds \\
          -d '{"lines":[{"item":1,"location":1,"quantity":2}]}' | sed 's/.*"hold_id":"\\([^"]*\\)".*/\\1/')
        psql "\(cluster.conninfo(database: "shop"))" -c "BEGIN; INSERT INTO stock_movements (item_id, location_id, kind, quantity) \\
          VALUES (1, 1, 'sale', 2); SELECT onhand.settle('$HOLD'); COMMIT"

      Press Ctrl-C to stop.

      """)
  }

  /// Prints at once, also into a pipe.
  private func say(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }
}
