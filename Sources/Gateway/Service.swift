import Capture
import Durability
import Engine
import Holds
import Logging
import Runtime
import Server
import Webhooks

/// The running whole: capture fills the store, the server answers from it.
package final class Service: Sendable {
  package let store: ViewStore
  package let capture: Capture
  private let desk: HoldDesk?
  private let sampler: DriftSampler
  package let webhooks: Webhooks
  private let endpointDesk: EndpointDesk
  private let server: Server
  private let push: PushHub
  private let changeLog: ChangeLog?
  private let logger: Logger

  private let accessLog: AccessLog?
  private let drainTime: Duration

  package var port: UInt16 { server.port }

  /// Starts to serve and to follow the database.
  ///
  /// - Parameter beforeStart: is given the store while it is empty, to listen to its feed from the first change.
  package init(
    _ configuration: Configuration, logger: Logger, beforeStart: (ViewStore) -> Void = { _ in }
  ) throws {
    let clock = Clock()
    let availability = AvailabilityWatch(configuration.availability, logger: logger)
    let store = ViewStore(
      // Workers, the desk for holds, the sampler.
      readers: configuration.workers + 2,
      hashSeed: configuration.dataDirectory.flatMap(ChangeLog.hashSeed) ?? .random(in: 0 ... .max),
      grouping: configuration.availability.map {
        ViewGrouping(view: $0.view, column: $0.columns.key[0].column)
      }, viewsReplaced: { availability.viewsReplaced($0) })
    let deliveryBell = DeliveryBell()
    let changeLog = try configuration.dataDirectory.map {
      try ChangeLog(
        $0, configuration.retention, rhythm: configuration.checkpoint, store: store,
        isConfigured: configuration.asks(for:), clock: clock, logger: logger,
        wrote: { deliveryBell.ring() })
    }
    let window = ChangeWindow(
      bytesMax: configuration.windowBytesMax, wallTime: { clock.wallMicroseconds })
    if let changeLog { store.feed.add(changeLog) }
    store.feed.add(window)
    store.feed.add(deliveryBell)
    let capture = Capture(
      configuration.capture, store: store, past: changeLog?.past, checkpoints: changeLog,
      clock: clock, logger: logger, historyBegins: { changeLog?.historyBegins($0) })
    changeLog?.attach(
      EngineAccess(
        atRest: { [weak capture] body in
          guard let capture else { return body(.unavailable) }
          capture.atRest(body)
        }, stepCount: { [status = capture.status] in status.steps.value },
        positionIsKept: { [weak capture] in capture?.positionIsKept($0) }))
    let desk = configuration.desk(store: store, clock: clock, logger: logger)
    store.holdWitness = desk
    let sampler = DriftSampler(
      conninfo: configuration.database,
      ViewVerifier(
        store: store, reader: configuration.workers + 1, clock: clock, stop: StopFlag(),
        positionIsAwaited: { capture.positionIsAwaited() }), logger: logger)
    let webhooks = Webhooks(
      configuration.webhooks, ChangeSource(store, window, archive: changeLog), bell: deliveryBell,
      conninfo: configuration.database, clock: clock, logger: logger)
    let endpointDesk = EndpointDesk(conninfo: configuration.database, logger: logger)
    let accessLog = try configuration.accessLog?.open()
    let handler = GatewayHandler(
      configuration, store: store, window: window, status: capture.status, desk: desk,
      sampler: sampler, availability: availability, changeLog: changeLog,
      webhooks: WebhookEndpoints(
        webhooks, endpointDesk, configuration.webhooks.guardian, store),
      webhookStatus: webhooks.status, accessLog: accessLog, clock: clock,
      positionIsAwaited: { capture.positionIsAwaited() })
    // Who asks from the first moment on finds what was there last.
    changeLog?.start()
    server = try Server(
      ServerConfiguration(
        host: configuration.listen.host, port: configuration.listen.port,
        workerCount: configuration.workers, limits: configuration.limits,
        trustedProxies: configuration.trustedProxies, accessLog: accessLog), handler)
    handler.push.attach { [server] in server.signal() }
    push = handler.push
    self.accessLog = accessLog
    drainTime = configuration.drainTime
    self.store = store
    self.changeLog = changeLog
    self.capture = capture
    self.desk = desk
    self.sampler = sampler
    self.webhooks = webhooks
    self.endpointDesk = endpointDesk
    self.logger = logger
    beforeStart(store)
    capture.start()
    desk?.start()
    sampler.start()
    webhooks.start()
    logger.info(
      "listening", metadata: ["url": "http://\(configuration.listen.host):\(server.port)"])
  }

  /// Stops listening, lets requests finish, ends the session with the database.
  package func stop() async {
    await withCheckedContinuation { continuation in
      server.drain(within: drainTime) { _ in
        // Nobody is left to be told.
        self.push.attach(nil)
        self.desk?.stop()
        self.sampler.stop()
        self.webhooks.stop {
          self.endpointDesk.end { self.keep { self.capture.stop { continuation.resume() } } }
        }
      }
    }
    await withCheckedContinuation { continuation in
      guard let changeLog else { return continuation.resume() }
      changeLog.stop { continuation.resume() }
    }
    await withCheckedContinuation { continuation in
      guard let accessLog else { return continuation.resume() }
      accessLog.stop { continuation.resume() }
    }
    logger.info("stopped")
  }

  /// Has the next process go on from here.
  private func keep(_ completion: @escaping @Sendable () -> Void) {
    guard let changeLog else { return completion() }
    changeLog.keep(completion)
  }
}

extension Configuration {
  fileprivate func desk(store: ViewStore, clock: Clock, logger: Logger) -> HoldDesk? {
    guard let holds, let availability else { return nil }
    return HoldDesk(
      HoldConfiguration(
        conninfo: database, view: availability.view, columns: availability.columns,
        retention: holds.retention, activeMax: holds.activeMax, unitsMax: holds.unitsMax,
        perSecondMax: holds.perSecondMax, reader: workers), store: store, clock: clock,
      logger: logger)
  }
}
