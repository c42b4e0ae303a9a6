import Foundation

@testable import Gateway

/// `onhand serve` as a process of its own, to be killed.
final class OnhandProcess {
  private let child: ChildProcess
  private let folder: String
  private let log: String
  let port: UInt16

  struct Failure: Error { let problem: String }

  /// Starts it over a shop's database and waits until it is ready.
  ///
  /// - Parameter kept: what outlives it, if anything does.
  init(_ shop: HoldShop, slot: String, kept: KeptFolder? = nil) throws {
    folder = NSTemporaryDirectory() + "onhand-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let file = "\(folder)/onhand.yaml"
    try """
    database: "\(shop.configuration.database)"
    listen: 127.0.0.1:0
    workers: 1
    slot: \(kept?.slot ?? slot)
    views: [availability]
    availability: {view: availability, item: item_id, location: store, on_hand: on_hand, held: held, available: available}
    holds: {ttl: 10m}
    \(kept.map { "data_directory: \($0.path)\ncheckpoint: {time: 1s}" } ?? "")
    """.write(toFile: file, atomically: true, encoding: .utf8)
    log = "\(folder)/log"
    child = try ChildProcess(
      [try Self.program(), "serve", "--config", file],
      environment: ProcessInfo.processInfo.environment, log: log)
    port = try Self.port(log)
    let client = try HTTPClient(port: port)
    try wait("ready") { try client.get("/readyz").status == 200 }
  }

  deinit {
    kill()
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Ends it as a crash would.
  func kill() {
    child.signal(SIGKILL)
    _ = child.wait(.seconds(20))
  }

  func logged(_ name: String) -> Bool {
    ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").contains(name)
  }

  func pause() { child.signal(SIGSTOP) }
  func resume() { child.signal(SIGCONT) }

  static func program() throws -> String {
    let folder = Bundle.main.executableURL?.deletingLastPathComponent().path ?? "."
    let candidates = [folder, Bundle.main.bundlePath + "/.."].map { $0 + "/onhand" }
    guard let found = candidates.first(where: FileManager.default.isExecutableFile) else {
      throw Failure(problem: "no onhand in \(candidates)")
    }
    return found
  }

  private static func port(_ log: String) throws -> UInt16 {
    var found: UInt16?
    try wait("listening") {
      let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      found = text.split(separator: "url=http://127.0.0.1:").dropFirst().first
        .flatMap { UInt16($0.prefix { $0.isNumber }) }
      return found != nil
    }
    return found ?? 0
  }
}
