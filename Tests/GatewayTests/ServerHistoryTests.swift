import Capture
import Engine
import Foundation
import TestSupport
import Testing

@testable import Gateway

/// What becomes of what was kept when the server's own log is another, or less.
@Suite(.serialized)
struct ServerHistoryTests {
  /// A server that is set back by a copy of its files has neither another name nor another timeline.
  @Test func aDatabaseThatWasSetBackBeginsWithASnapshotInAnotherEpoch() async throws {
    var random = SeededRandom()
    try await TestCluster.withCluster { cluster in
      let stage = try KeptStage(cluster: cluster)
      try await stage.run { _ in try stage.change(&random) }
      try cluster.stop()
      let data = cluster.folder + "/data"
      let copy = cluster.folder + "/copy"
      try Self.copy(data, to: copy)
      try cluster.start()
      var before: Position?
      try await stage.run { service in
        try stage.change(&random, 200)
        before = try Self.position(service)
      }
      try cluster.stop()
      try FileManager.default.removeItem(atPath: data)
      try Self.copy(copy, to: data)
      try cluster.start()
      let log = try await stage.run { service in
        let after = try Self.position(service)
        #expect(after?.epoch != before?.epoch)
      }
      #expect(log.has("checkpoint_of_other_history"), "\(log.all)")
      try await stage.expectKept()
    }
  }

  private static func copy(_ from: String, to: String) throws {
    let copy = Process()
    copy.executableURL = URL(fileURLWithPath: "/bin/cp")
    copy.arguments = ["-a", from, to]
    try copy.run()
    copy.waitUntilExit()
    try #require(copy.terminationStatus == 0)
  }

  /// A server that ends waits for those who read its log to have kept all of it.
  @Test func aServerThatEndsIsNotKeptWaiting() async throws {
    var random = SeededRandom()
    try await TestCluster.withCluster { cluster in
      let stage = try KeptStage(cluster: cluster)
      try await stage.run { service in
        try stage.change(&random)
        try cluster.stop()
        try cluster.start()
        try stage.change(&random)
        try service.waitUntilStreaming()
        #expect(try service.metric("onhand_bootstraps_total") == 1)
        #expect(try service.metric("onhand_resumptions_total") >= 1)
      }
    }
  }

  /// Onhand was away for longer than the server keeps its log for anybody.
  @Test func aSlotWhoseLogWasRemovedBeginsWithASnapshot() async throws {
    var random = SeededRandom()
    try await TestCluster.withCluster { cluster in
      let stage = try KeptStage(cluster: cluster)
      try await stage.run { _ in try stage.change(&random) }
      let connection = try stage.database.connect()
      try connection.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
      try connection.execute("SELECT pg_reload_conf()")
      try connection.execute("CREATE TABLE filler (text text)")
      let status =
        "SELECT wal_status FROM pg_replication_slots WHERE slot_name = '\(stage.folder.slot)'"
      try wait("the slot to be lost") {
        try connection.execute(
          "INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 5000)")
        try connection.execute("SELECT pg_switch_wal()")
        try connection.execute("CHECKPOINT")
        return try connection.execute(status)[0][0] == "lost"
      }
      try connection.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
      try connection.execute("SELECT pg_reload_conf()")
      try stage.change(&random)
      let log = try await stage.run { service in
        #expect(try service.metric("onhand_bootstraps_total") == 1)
        try stage.change(&random)
      }
      #expect(log.has("slot_lost") && log.has("slot_made_anew"), "\(log.all)")
      try await stage.expectKept()
    }
  }

  /// As after a failover: the same system, on another timeline.
  @Test func anotherTimelineBeginsWithASnapshotInAnotherEpoch() async throws {
    var random = SeededRandom()
    try await TestCluster.withCluster { cluster in
      let stage = try KeptStage(cluster: cluster)
      var before: Position?
      try await stage.run { service in
        try stage.change(&random)
        before = try Self.position(service)
      }
      let timeline = "SELECT timeline_id FROM pg_control_checkpoint()"
      let first = try stage.database.run(timeline)[0][0]
      try stage.database.run("ALTER SYSTEM SET restore_command = 'false'")
      try cluster.stop()
      try Data().write(to: URL(fileURLWithPath: cluster.folder + "/data/recovery.signal"))
      try cluster.start()
      try wait("the timeline") {
        try stage.database.run("CHECKPOINT")
        return try stage.database.run(timeline)[0][0] != first
      }
      try stage.change(&random)
      let log = try await stage.run { service in
        try stage.change(&random)
        let after = try Self.position(service)
        #expect(after?.epoch != before?.epoch)
        let old = try #require(before)
        let resumed = try service.client.get("/v1/views/low/changes?after=\(old)")
        #expect(resumed.status == 410, "\(resumed.body)")
      }
      #expect(log.has("checkpoint_of_other_history"), "\(log.all)")
      try await stage.expectKept()
    }
  }

  private static func position(_ service: TestService) throws -> Position? {
    try service.client.get("/v1/views/low/rows").fields["onhand-position"].flatMap(Position.init)
  }
}
