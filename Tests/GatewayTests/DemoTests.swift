import Capture
import Engine
import Foundation
import Testing

@testable import Gateway

/// The demo shop, as `onhand demo` opens it.
struct DemoTests {
  /// What checkouts hold is seen, sold or given back, and nothing is sold twice.
  @Test func checkoutsHoldWhatTheySell() async throws {
    let database = try TestCluster.database("")
    var configuration = Configuration()
    configuration.database = database.conninfo
    configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
    try DemoShop.prepare(&configuration)
    try await TestService.run(configuration) { service in
      let traffic = DemoTraffic(
        conninfo: database.conninfo, rate: 200,
        server: ListenAddress(host: "127.0.0.1", port: service.service.port),
        logger: TestService.quiet)
      traffic.start()
      defer { traffic.stop() }
      try wait("something held") {
        try service.client.get("/v1/views/availability/rows?held=gt.0").body.contains(#""held":"#)
      }
      try wait("sales and second thoughts") {
        let ends = try database.run(
          "SELECT status FROM onhand.holds WHERE status IN ('settled', 'released') GROUP BY status")
        return ends.count == 2
      }
      let short = try database.run("SELECT FROM availability WHERE available < 0")
      #expect(short.isEmpty)
    }
  }
}
