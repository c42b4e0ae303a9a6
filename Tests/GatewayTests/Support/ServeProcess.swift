import Foundation
import Glibc
import TestSupport

@testable import Gateway

/// `onhand serve` as a process of its own, to be killed.
final class ServeProcess {
  private let child: ChildProcess
  let port: UInt16
  private let log: String

  struct Failure: Error { let problem: String }

  /// - Parameters:
  ///   - checkpoint: as `checkpoint` of a configuration.
  ///   - environment: more than what the others say.
  init(
    database: String, views: [String], folder: KeptFolder, log: String,
    checkpoint: String = "{time: 300s}", yaml: String? = nil, environment: [String: String] = [:]
  ) throws {
    port = try FreePort.find()
    self.log = log
    let program = try OnhandProcess.program()
    var arguments = [program, "serve"]
    if let yaml {
      let file = log + ".yaml"
      try yaml.write(toFile: file, atomically: true, encoding: .utf8)
      arguments += ["--config", file]
    }
    child = try ChildProcess(
      arguments,
      environment: [
        "ONHAND_DATABASE": database, "ONHAND_LISTEN": "127.0.0.1:\(port)",
        "ONHAND_DATA_DIRECTORY": folder.path, "ONHAND_CHECKPOINT": checkpoint,
        "ONHAND_SLOT": folder.slot, "ONHAND_WORKERS": "1",
      ].merging(yaml == nil ? ["ONHAND_VIEWS": views.joined(separator: ",")] : [:]) { $1 }
        .merging(environment) { $1 },
      log: log)
  }

  /// A client, once somebody listens.
  func connect() throws -> HTTPClient {
    let end = ContinuousClock.now + .seconds(60)
    while true {
      if let client = try? HTTPClient(port: port) { return client }
      guard ContinuousClock.now < end, child.wait(.milliseconds(2)) == nil else {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        throw Failure(problem: "onhand does not serve: \(text.suffix(2_000))")
      }
    }
  }

  /// Ends it as a loss of power would, as far as the process goes.
  func kill() {
    child.signal(SIGKILL)
    _ = child.wait(.seconds(30))
  }
}
