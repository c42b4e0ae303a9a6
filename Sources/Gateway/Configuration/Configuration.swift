import Capture
import Durability
import Engine
import Foundation
import Server
import Webhooks

/// What `onhand` is told by its file and the environment.
package struct Configuration: Sendable {
  package var database = ""
  package var listen = ListenAddress(host: "127.0.0.1", port: 8080)
  package var views: [CaptureConfiguration.View] = []
  package var appendOnly: [String] = []
  package var slot = "onhand"
  package var publication = "onhand"
  /// Threads that serve HTTP.
  package var workers = max(1, min(4, ProcessInfo.processInfo.activeProcessorCount))
  package var limits = ServerLimits()
  package var trustedProxies = TrustedProxies()
  /// Where requests are logged; nil for nowhere.
  package var accessLog: AccessLogTarget?
  /// How long requests under way may take once asked to stop.
  package var drainTime = Duration.seconds(10)
  /// Who may ask; none where only this machine can.
  package var callers: [Caller] = []
  package var publicAccess: PublicAccess?
  package var crossOrigins = CrossOrigins()
  /// How often a client that has nothing to be told hears that all is well.
  package var heartbeat = Duration.seconds(30)
  package var availability: AvailabilityConfiguration?
  /// How holds are taken; nil where none are.
  package var holds: HoldSettings?
  package var webhooks = WebhookSettings()
  /// Changes kept in memory, for push and webhooks.
  package var windowBytesMax = ChangeWindow.bytesMaxDefault
  /// Where changes and the state of the views are kept; nil to keep nothing over a restart.
  package var dataDirectory: String?
  package var retention = LogRetention()
  /// How often the state is kept.
  package var checkpoint = CheckpointRhythm()
  /// Holds `web-static` and `openapi`; nil for none.
  package var assets: String? = Assets.locate()
  /// The folder served at `/`; nil for `web-static`.
  package var web: String?
  /// Whether `/test/echo` says what it hears, for test suites of the WebSocket protocol.
  package var hasTestEcho = false

  package init() {}

  /// Serves the folder at `path` in place of the board.
  package mutating func setWeb(_ path: String) throws {
    guard WebFolder(path) != nil else {
      throw ConfigurationReader.Failure(key: "web", problem: "there is no folder \(path)")
    }
    web = path
  }

  var staticFiles: StaticFiles {
    StaticFiles(
      web: web ?? assets.map { $0 + "/web-static" }, contract: assets.map { $0 + "/openapi" })
  }

  /// Whether a view that was served is to be served still, under the same key.
  func asks(for view: Plan.View) -> Bool {
    views.contains { asked in
      guard view.name.isCalled(asked.name) else { return false }
      return asked.key.map { $0 == view.key.map { view.columns[$0].name } } ?? true
    }
  }

  package var capture: CaptureConfiguration {
    CaptureConfiguration(
      conninfo: database, views: views, appendOnly: appendOnly, slot: slot,
      publication: publication,
      holds: holds == nil
        ? nil : availability.map { HoldInstallation(view: $0.view, columns: $0.columns) })
  }
}

/// Where to listen: `host:port`, an IPv6 host in brackets.
package struct ListenAddress: Sendable, Equatable {
  package var host: String
  package var port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else { return nil }
    self.init(host: host, port: port)
  }

  /// Whether only this machine can reach it.
  package var isLoopback: Bool {
    var address = in_addr()
    let isIPv4 = inet_pton(AF_INET, host, &address) == 1
    return host == "localhost" || host == "::1"
      || isIPv4 && UInt32(bigEndian: address.s_addr) >> 24 == 127
  }
}
