import HTTPWire
import Server
import Synchronization

/// A handler whose sessions are all told the same messages.
///
/// `/feed` is a WebSocket that is told them, `/stream` a body made of them, `/endless` a WebSocket that always has more to tell,
/// `/echo` one that says what it hears. The rest is echoed.
final class Feed: RequestHandler {
  private let state = Mutex(State())
  let limits: MessageLimits

  private struct State {
    var messages: [String] = []
    var isFinished = false
    var sessions: [Int: Set<SessionID>] = [:]
    var heard: [String] = []
    var begun = 0
    var ends: [ContinuousClock.Instant] = []
    var producedBytes = 0
    var isStrict = false
    var whenHeard: (@Sendable () -> Void)?
    var heardAtSignal = 0
  }

  init(_ limits: MessageLimits = MessageLimits()) {
    self.limits = limits
  }

  var heard: [String] { state.withLock { $0.heard } }
  var begun: Int { state.withLock { $0.begun } }
  /// When sessions ended.
  var ends: [ContinuousClock.Instant] { state.withLock { $0.ends } }
  var ended: Int { ends.count }
  var producedBytes: Int { state.withLock { $0.producedBytes } }
  var openCount: Int { state.withLock { $0.begun - $0.ends.count } }

  /// Of messages, when the handler was last asked because of a signal.
  var heardAtSignal: Int { state.withLock { $0.heardAtSignal } }
  var isStrict: Bool { state.withLock { $0.isStrict } }

  /// Has `body` called when the first message is heard.
  func whenHeard(_ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.whenHeard = body }
  }

  /// Lets no client stay that does not take what it is told.
  func beStrict(_ server: Server) {
    state.withLock { $0.isStrict = true }
    server.signal()
  }

  func tell(_ message: String, _ server: Server) {
    state.withLock { $0.messages.append(message) }
    server.signal()
  }

  /// Ends all sessions after the messages.
  func finish(_ server: Server) {
    state.withLock { $0.isFinished = true }
    server.signal()
  }

  func handle(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) -> Outcome {
    let session = FeedSession(self, worker: context.workerIndex)
    if request.path == "/stream" {
      response.mediaType = .eventStream
      response.addField("Cache-Control", "no-cache")
      return .stream(session)
    }
    if request.path == "/endless" { session.isEndless = true }
    let isEcho = request.path == "/echo"
    guard isEcho || request.path == "/feed" || session.isEndless else {
      return echo(request, &response, context)
    }
    do throws(HandshakeRefusal) {
      let options = WebSocketOptions(try WebSocketHandshake(request), limits)
      response.addField("Sec-WebSocket-Protocol", "test.v1")
      return .webSocket(isEcho ? EchoSession() : session, options)
    } catch {
      response.refuse(handshake: error)
      return .respond
    }
  }

  func gatherReady(worker: Int, _ cause: GatherCause, _ ready: inout [SessionID]) {
    guard case .signal = cause else { return }
    state.withLock { state in
      ready += state.sessions[worker, default: []]
      state.heardAtSignal = state.heard.count
    }
  }

  fileprivate func begin(_ id: SessionID, worker: Int) {
    state.withLock { state in
      state.begun += 1
      state.sessions[worker, default: []].insert(id)
    }
  }

  fileprivate func end(_ id: SessionID, worker: Int) {
    state.withLock { state in
      state.ends.append(.now)
      state.sessions[worker]?.remove(id)
    }
  }

  fileprivate func hear(_ message: String) {
    let body = state.withLock { state in
      state.heard.append(message)
      return state.heard.count == 1 ? state.whenHeard : nil
    }
    body?()
  }

  /// The message of that number, and whether there will be none.
  fileprivate func message(_ number: Int) -> (String?, isFinished: Bool) {
    state.withLock { state in
      guard number < state.messages.count else { return (nil, state.isFinished) }
      state.producedBytes += state.messages[number].utf8.count
      return (state.messages[number], false)
    }
  }

  fileprivate func countProduced(_ count: Int) {
    state.withLock { $0.producedBytes += count }
  }
}

private final class FeedSession: Session {
  private let feed: Feed
  private let worker: Int
  private var id: SessionID?
  private var toldCount = 0
  private var isDraining = false
  private var hasEnded = false
  var isEndless = false

  init(_ feed: Feed, worker: Int) {
    self.feed = feed
    self.worker = worker
  }

  func begin(_ id: SessionID) {
    precondition(self.id == nil, "begun twice")
    self.id = id
    feed.begin(id, worker: worker)
  }

  func produce(_ message: inout ByteBuffer) -> Production {
    precondition(id != nil && !hasEnded && message.isEmpty, "asked out of turn")
    if isDraining {
      message.append("back soon")
      return .close(.serviceRestart)
    }
    if isEndless {
      message.append(String(repeating: "0123456789abcdef", count: 1_024))
      feed.countProduced(message.count)
      return .text
    }
    let (text, isFinished) = feed.message(toldCount)
    guard let text else { return isFinished ? .close(.normal) : .nothing }
    toldCount += 1
    message.append(text)
    return .text
  }

  func receive(_ message: ByteView, isText: Bool) {
    precondition(id != nil && !hasEnded, "told out of turn")
    feed.hear(message.string)
  }

  func drain() { isDraining = true }

  var mustEnd: Bool { feed.isStrict }

  func end() {
    guard let id, !hasEnded else { preconditionFailure("ended twice, or before it began") }
    hasEnded = true
    feed.end(id, worker: worker)
  }
}
