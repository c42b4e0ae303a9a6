import Capture
import Gateway
import Testing

/// Every view equals Postgres's own answer, whatever happens to the tables.
///
/// The seeds of a workload one after the other: each waits for the database about half of the time, and other workloads take the
/// other half.
@Suite struct LiveViewTests {
  @Test(.enabled(if: AcceptanceCases.isThere, "no acceptance cases beside this checkout"))
  func acceptanceCaseEqualsPostgres() async throws {
    let database = try TestCluster.database(AcceptanceCases.sql("orders.sql"))
    let configuration = try database.prepared([
      CaptureConfiguration.View(name: "current_stock_levels"),
      CaptureConfiguration.View(name: "low_stock_alerts", key: ["product_id", "warehouse_name"]),
      CaptureConfiguration.View(name: "multi_warehouse_inventory"),
    ])
    try await TestService.run(configuration) { service in
      let oracle = ViewOracle(connection: try database.connect(), views: MovementSchema.views)
      try oracle.expectEqual(service, "as loaded")

      try database.run(AcceptanceCases.sql("orders.next.sql"))
      try oracle.expectEqual(service, "after the shipment")
      let stock = try service.client.get("/v1/views/current_stock_levels/rows/3,1")
      #expect(stock.body.contains("\"current_stock\":115"))
      let alert = try service.client.get("/v1/views/low_stock_alerts/rows/3,East%20Coast%20Hub")
      #expect(alert.status == 404)

      for change in [
        "UPDATE products SET product_name = 'Laptop Riser' WHERE product_id = 3",
        "UPDATE products SET reorder_threshold = 10 WHERE product_id = 2",
        "DELETE FROM warehouses WHERE warehouse_id = 2",
      ] {
        try database.run(change)
        try oracle.expectEqual(service, change)
      }
    }
  }

  @Test(.serialized, arguments: 1...100 as ClosedRange<UInt64>)
  func movementsEqualPostgresAtEachPause(seed: UInt64) async throws {
    try await run(
      MovementWorkload(seed: seed), seed, on: MovementSchema.sql(), MovementSchema.views)
  }

  @Test(.serialized, arguments: 1001...1025 as ClosedRange<UInt64>)
  func movementsOverOurOwnViewsEqualPostgresAtEachPause(seed: UInt64) async throws {
    try await run(MovementWorkload(seed: seed), seed, on: MovementSchema.own, MovementSchema.views)
  }

  @Test(.serialized, arguments: 2001...2100 as ClosedRange<UInt64>)
  func stockShapesEqualPostgresAtEachPause(seed: UInt64) async throws {
    try await runStock(seed)
  }

  /// Twice as many seeds as the others have, so beside each other.
  @Test(.serialized, arguments: 2101...2200 as ClosedRange<UInt64>)
  func moreStockShapesEqualPostgresAtEachPause(seed: UInt64) async throws {
    try await runStock(seed)
  }

  @Test(.serialized, arguments: 3001...3100 as ClosedRange<UInt64>)
  func outerJoinsEqualPostgresAtEachPause(seed: UInt64) async throws {
    try await run(
      OuterJoinWorkload(seed: seed), seed, on: OuterJoinSchema.sql, OuterJoinSchema.views)
  }

  private func runStock(_ seed: UInt64) async throws {
    try await run(
      StockWorkload(seed: seed), seed, on: StockShapes.sql, StockShapes.views,
      appendOnly: StockShapes.appendOnly)
  }

  private func run(
    _ workload: some RandomWorkload, _ seed: UInt64, on sql: String, _ views: [String],
    appendOnly: [String] = []
  ) async throws {
    print("\(type(of: workload)) seed \(seed)")
    var workload = workload
    let database = try TestCluster.database(sql)
    let configuration = try database.prepared(views, appendOnly: appendOnly)
    let recorder = FeedRecorder()
    try await TestService.run(configuration, listener: recorder) { service in
      let connection = try database.connect()
      let oracle = ViewOracle(connection: try database.connect(), views: views)
      for pause in 1...3 {
        for _ in 0..<12 { try connection.execute(workload.transaction()) }
        try oracle.expectEqual(service, "seed \(seed), pause \(pause)")
      }
      let record = recorder.current
      #expect(record.mismatches.isEmpty, "seed \(seed): \(record.mismatches.prefix(3))")
    }
  }
}
