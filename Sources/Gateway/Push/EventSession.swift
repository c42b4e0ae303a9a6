import Engine
import HTTPWire
import Server

/// One client's stream of events: a single subscription, in the form that `EventSource` reads (WHATWG HTML 9.2).
final class EventSession: PushSession {
  private(set) var id: SessionID?
  var isNamedReady = false
  var heartbeatPlace = 0

  private let worker: PushWorker
  private let request: SubscriptionRequest
  private let reader: Reader
  private var subscription: Subscription?
  /// The subscription, while it has something to tell.
  private var queue = LinkedQueue<Subscription>()
  private var isOpening = true
  private var owesHeartbeat = false
  private var refused: Refused?
  private var isEnding = false

  /// When a browser comes back after the connection was lost, in milliseconds.
  private static let retryMilliseconds = 1_000...3_000

  init(_ worker: PushWorker, _ request: SubscriptionRequest, _ reader: Reader) {
    self.worker = worker
    self.request = request
    self.reader = reader
  }

  func begin(_ id: SessionID) {
    self.id = id
    worker.add(self)
    owesHeartbeat = worker.isStale
    let subscription = Subscription(request, .event, reader, worker, self)
    self.subscription = subscription
    isReady(subscription)
  }

  func produce(_ message: inout ByteBuffer) -> Production {
    isNamedReady = false
    if isOpening {
      isOpening = false
      message.append("retry: ")
      message.append(decimal: Int.random(in: Self.retryMilliseconds))
      message.append("\n\n")
      // Rows that follow would pass for right.
      if owesHeartbeat { tellHeartbeat(&message) }
      return .text
    }
    if let refused {
      tell(refused, &message)
      return .text
    }
    guard !isEnding else { return .close(.normal) }
    if let production = produceFrame(&message) { return production }
    guard owesHeartbeat else { return .nothing }
    tellHeartbeat(&message)
    return .text
  }

  private func produceFrame(_ message: inout ByteBuffer) -> Production? {
    guard let subscription = queue.popFirst() else { return nil }
    switch subscription.produce(&message) {
    case .message:
      if subscription.hasMore { queue.append(subscription) }
      return .text
    case .later:
      queue.append(subscription)
      worker.wantsTurn(self)
      return nil
    case .refused(let refused):
      tell(refused, &message)
      return .text
    case .nothing: return nil
    }
  }

  func receive(_ message: ByteView, isText: Bool) {}

  func drain() { isEnding = true }

  func end() {
    subscription?.end()
    subscription = nil
    queue.removeAll()
    worker.remove(self)
  }

  /// Tells why there will be no more, and ends.
  private func tell(_ refused: Refused, _ message: inout ByteBuffer) {
    self.refused = nil
    isEnding = true
    message.append("event: error\ndata: {")
    message.appendMembers(of: refused)
    message.append("}\n\n")
  }

  // MARK: Heartbeats

  func heartbeatIsDue() { owesHeartbeat = true }

  private func tellHeartbeat(_ message: inout ByteBuffer) {
    owesHeartbeat = false
    let visible = worker.enter()
    defer { worker.leave() }
    subscription?.lookForDistrust(visible)
    let position = subscription.flatMap { Subscription.settle([$0], at: visible) }
    message.append("event: heartbeat\n")
    if let position {
      message.append("id: ")
      message.append(position)
      message.append("\n")
    }
    message.append("data: {")
    message.appendHeartbeat(position, visible, worker)
    message.append("}\n\n")
  }
}

extension EventSession: SubscriptionOwner {
  func isReady(_ subscription: Subscription) {
    if queue.append(subscription) { worker.isReady(self) }
  }

  func waitedTooLong(_ subscription: Subscription, _ refused: Refused) {
    self.refused = refused
    worker.isReady(self)
  }
}
