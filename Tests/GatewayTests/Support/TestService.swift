import Capture
import Engine
import Gateway
import Logging
import Testing

/// A service under test, asked over real sockets.
struct TestService {
  let service: Service
  let client: HTTPClient

  /// Runs `body` against a running service and stops it afterwards.
  ///
  /// - Parameters:
  ///   - listener: hears of every change from the first snapshot on.
  ///   - waits: for every view to be complete first.
  static func run(
    _ configuration: Configuration, listener: (any ChangeListener)? = nil, waits: Bool = true,
    logger: Logger = quiet,
    _ body: (TestService) async throws -> Void
  ) async throws {
    let service = try Service(configuration, logger: logger) { store in
      if let listener { store.feed.add(listener) }
    }
    do {
      let running = TestService(service: service, client: try HTTPClient(port: service.port))
      if waits { try running.waitUntilReady() }
      try await body(running)
    } catch {
      await service.stop()
      throw error
    }
    await service.stop()
  }

  static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  func waitUntilReady() throws {
    let end = ContinuousClock.now + .seconds(120)
    while true {
      let readiness = try client.get("/readyz")
      if readiness.status == 200 { return }
      try #require(ContinuousClock.now < end, "not ready: \(readiness.body)")
      pause()
    }
  }

  /// Waits until the log is followed.
  func waitUntilStreaming() throws {
    try wait("streaming") {
      try client.get("/readyz").body.contains(#""capture":"streaming""#)
    }
  }

  /// Waits until `/readyz` and the metrics tell of a failure, and returns what `/readyz` says.
  @discardableResult
  func waitForFailure(_ failure: CaptureFailure) throws -> String {
    var body = ""
    try wait(failure.rawValue) {
      body = try client.get("/readyz").body
      return body.contains(#""capture":"\#(failure.rawValue)""#)
    }
    #expect(try metric("onhand_capture_failures_total{state=\"\(failure.rawValue)\"}") > 0)
    return body
  }

  /// The value of one metric, by its name and labels as they are printed.
  func metric(_ name: String) throws -> Int {
    let line = try client.get("/metrics").body.split(separator: "\n").first {
      $0.hasPrefix(name + " ")
    }
    return try #require(line.flatMap { Int($0.dropFirst(name.count + 1)) }, "no metric \(name)")
  }

  /// The rows of a view as JSON texts, sorted, once it has reached `lsn`.
  func rows(_ view: String, at lsn: String) throws -> [String] {
    let target = "/v1/views/\(view)/rows?limit=10000&wait=30s&min_position=\(lsn)"
    var response = try client.get(target)
    // It may have much to catch up with on a slow machine.
    try wait("\(view) at \(lsn)") {
      if response.status == 504 { response = try client.get(target) }
      return response.status != 504
    }
    try #require(response.status == 200, "\(response.body)")
    return JSONRows.split(response.body).sorted()
  }
}
