import Engine
import HTTPWire
import Server

/// One client's WebSocket at `/v1/live`: its subscriptions, and whose turn it is.
final class LiveSession: PushSession {
  // What each message touches stands together, and first: with thousands of sessions the memory of one is far away. The run-time
  // check for overlapping accesses would cost a twentieth of telling a short change.
  private(set) var id: SessionID?
  @exclusivity(unchecked) var isNamedReady = false
  private var owesHeartbeat = false
  /// Subscriptions with something to tell, each once; their turns go round.
  @exclusivity(unchecked) private var queue = LinkedQueue<Subscription>()
  /// Answers; the worker takes them before it hands over the client's next message.
  @exclusivity(unchecked) private var replies = ArrivalQueue<[UInt8]>()
  private var ending: Ending?
  private let worker: PushWorker

  var heartbeatPlace = 0
  private let permissions: Permissions
  /// Nil until the client has told its token.
  private var reader: Reader?
  private var tokenDeadline: Int64 = 0
  private var subscriptions: [LiveRequest.ID: Subscription] = [:]
  private var textBytes = 0
  private var distrustLookedForAt: Int64 = 0

  static let subprotocol = "onhand.v1"
  /// Of one connection.
  static let subscriptionsMax = 1_000
  /// Of one message; the connection takes larger ones, so that it can say which subscription is too large.
  static let requestBytesMax = 65_536
  static let messageBytesMax = 1 << 20
  static let idBytesMax = 128
  /// Of the conditions and columns of one connection's subscriptions; a list of short values is kept in some 40 times as many.
  private static let textBytesMax = 131_072
  /// Between looks at all subscriptions for views that can't be trusted, in nanoseconds: a client may ask for heartbeats one after
  /// the other.
  private static let distrustInterval: Int64 = 100_000_000
  /// For a client to tell its token, in nanoseconds.
  private static let tokenTime: Int64 = 5_000_000_000

  /// - Parameter reader: nil where the client has to tell its token first.
  init(_ worker: PushWorker, _ permissions: Permissions, _ reader: Reader?) {
    self.worker = worker
    self.permissions = permissions
    self.reader = reader
  }

  // MARK: Session

  func begin(_ id: SessionID) {
    self.id = id
    worker.add(self)
    // A client that comes while the database can't be followed has to know before it is told rows.
    owesHeartbeat = worker.isStale
    if reader == nil {
      tokenDeadline = worker.clock.monotonic + Self.tokenTime
      worker.watch(self)
    }
  }

  func produce(_ message: inout ByteBuffer) -> Production {
    isNamedReady = false
    if let ending {
      message.append(ending.reason)
      return .close(ending.code)
    }
    if !replies.isEmpty {
      replies.removeFirst().withUnsafeBytes { message.append($0) }
      return .text
    }
    turns: while let subscription = queue.popFirst() {
      switch subscription.produce(&message) {
      case .message:
        if subscription.hasCaptured {
          // Told to the end before others are captured: a client that stalls costs one capture, however much it follows.
          queue.prepend(subscription)
        } else if subscription.hasMore {
          queue.append(subscription)
        }
        return isDone ? .lastText : .text
      case .later:
        queue.append(subscription)
        worker.wantsTurn(self)
        break turns
      case .refused(let refused):
        end(subscription)
        message.append(refused, id: subscription.form.id)
        return .text
      case .nothing: continue
      }
    }
    guard owesHeartbeat else { return .nothing }
    owesHeartbeat = false
    tellHeartbeat(&message)
    return isDone ? .lastText : .text
  }

  /// Whether there is nothing to tell.
  private var isDone: Bool {
    queue.isEmpty && replies.isEmpty && !owesHeartbeat && ending == nil
  }

  func receive(_ message: ByteView, isText: Bool) {
    guard isText else {
      ending = .binaryMessage
      return
    }
    var reply = ByteBuffer()
    do throws(LiveRequest.Failure) {
      try take(LiveRequest(message), &reply)
    } catch {
      reply.append(error.refused, id: error.id)
    }
    if !reply.isEmpty { replies.append(Array(reply.bytes)) }
  }

  func drain() { ending = ending ?? .serverStops }

  /// A client without a token has no time but what it is given.
  var mustEnd: Bool { reader == nil && ending != nil }

  func end() {
    for subscription in subscriptions.values { subscription.end() }
    subscriptions = [:]
    queue.removeAll()
    id = nil
    worker.remove(self)
  }

  // MARK: Requests

  private func take(_ request: LiveRequest, _ reply: inout ByteBuffer) throws(LiveRequest.Failure) {
    switch request {
    case .authenticate where permissions.callers.isEmpty:
      reply.append("{\"type\":\"authenticated\"}")
    case .authenticate(let token):
      guard let caller = permissions.caller(withToken: token) else {
        ending = .tokenUnknown
        return
      }
      reader = .caller(caller)
      reply.append("{\"type\":\"authenticated\"}")
    case .subscribe(let id, let wanted): try subscribe(id, wanted)
    case .unsubscribe(let id):
      guard let subscription = subscriptions[id] else {
        throw LiveRequest.Failure(
          Refused(.unknownSubscription, "there is no subscription of this id"), id: id)
      }
      end(subscription)
      reply.append("{\"type\":\"unsubscribed\",\"id\":")
      id.withUnsafeBytes { reply.append($0) }
      reply.append("}")
    case .ping: owesHeartbeat = true
    }
  }

  private func subscribe(_ id: LiveRequest.ID, _ wanted: SubscriptionRequest)
    throws(LiveRequest.Failure)
  {
    guard let reader else {
      throw LiveRequest.Failure(
        Refused(.tokenMissing, "send {\"type\":\"authenticate\",\"token\":\"...\"} first"),
        id: id)
    }
    do throws(Refused) { try reader.require(.read) } catch {
      throw LiveRequest.Failure(error, id: id)
    }
    guard subscriptions[id] == nil else {
      throw LiveRequest.Failure(
        Refused(.subscriptionExists, "unsubscribe first, or choose another id"), id: id)
    }
    guard subscriptions.count < Self.subscriptionsMax else {
      throw LiveRequest.Failure(
        Refused(
          .tooManySubscriptions, "a connection may have \(Self.subscriptionsMax); open another"),
        id: id)
    }
    guard textBytes + wanted.textBytes <= Self.textBytesMax else {
      throw LiveRequest.Failure(
        Refused(
          .tooManySubscriptions,
          "where and select of a connection's subscriptions may have \(Self.textBytesMax) bytes; open another"
        ), id: id)
    }
    let form = FrameForm.message(id: worker.frames.shared(id))
    let subscription = Subscription(wanted, form, reader, worker, self)
    subscriptions[id] = subscription
    textBytes += wanted.textBytes
    isReady(subscription)
  }

  private func end(_ subscription: Subscription) {
    guard let id = subscription.form.id, subscriptions[id] === subscription else { return }
    subscription.end()
    subscriptions[id] = nil
    textBytes -= subscription.request.textBytes
    queue.remove(subscription)
  }

  // MARK: Heartbeats

  func heartbeatIsDue() { owesHeartbeat = true }

  private func tellHeartbeat(_ message: inout ByteBuffer) {
    let visible = worker.enter()
    defer { worker.leave() }
    let now = worker.clock.monotonic
    if now - distrustLookedForAt >= Self.distrustInterval {
      distrustLookedForAt = now
      for subscription in subscriptions.values { subscription.lookForDistrust(visible) }
    }
    message.append("{\"type\":\"heartbeat\",")
    message.appendHeartbeat(
      Subscription.settle(subscriptions.values, at: visible), visible, worker)
    message.append("}")
  }
}

extension LiveSession: SubscriptionOwner {
  func isReady(_ subscription: Subscription) {
    if queue.append(subscription) { worker.isReady(self) }
  }

  func waitedTooLong(_ subscription: Subscription, _ refused: Refused) {
    end(subscription)
    var reply = ByteBuffer()
    reply.append(refused, id: subscription.form.id)
    replies.append(Array(reply.bytes))
    worker.isReady(self)
  }
}

extension LiveSession: PositionWaiter {
  /// Closes the connection if its client does not tell its token in time.
  func goesOn(_ visible: ReadGate.Visible, now: Int64, _ worker: PushWorker) -> Bool {
    guard reader == nil, ending == nil, id != nil else { return false }
    guard now >= tokenDeadline else { return true }
    ending = .tokenMissing
    worker.isReady(self)
    return false
  }
}

extension LiveSession {
  /// Why the server closes a connection. The code's band tells a client what to do: 1001 and 1012 to come back at once,
  /// 1013 later, all others only after it has been mended.
  fileprivate struct Ending {
    let code: CloseCode
    let reason: StaticString

    static let serverStops = Ending(code: .serviceRestart, reason: "the server is about to stop")
    static let binaryMessage = Ending(code: .unsupportedData, reason: "messages are text")
    static let tokenMissing = Ending(
      code: CloseCode(rawValue: 4401), reason: "no token was sent in time")
    static let tokenUnknown = Ending(
      code: CloseCode(rawValue: 4401), reason: "the token is not known")
  }
}
