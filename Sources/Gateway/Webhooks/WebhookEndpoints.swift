import Engine
import HTTPWire
import JSONWire
import Server
import Webhooks

/// `/v1/webhooks` and what is below it: asks the database on another queue, and parks the request meanwhile.
final class WebhookEndpoints: Sendable {
  /// What the request is answered with.
  private enum Reply: Sendable {
    case of(EndpointReply, secret: SigningSecret?, isNew: Bool)
    /// The attempt as JSON; nil where none could be made.
    case tested(String?)
    /// What is to be replayed.
    case notKept
  }

  private let webhooks: Webhooks
  private let desk: EndpointDesk
  private let guardian: AddressGuard
  private let store: ViewStore
  private let jobs = RequestJobs<Reply>(countMax: 64)

  /// A request is told of failure when the database has said nothing for so long, or a receiver as long as it may.
  private static let waitMax = Duration.seconds(40)
  private static let deliveriesDefault = 50
  private static let deliveriesMax = 200
  private static let overlapDefault = 86_400
  private static let overlapMax = 30 * 86_400

  init(_ webhooks: Webhooks, _ desk: EndpointDesk, _ guardian: AddressGuard, _ store: ViewStore) {
    self.webhooks = webhooks
    self.desk = desk
    self.guardian = guardian
    self.store = store
  }

  func answer(
    _ route: WebhookRoute, _ request: borrowing Request, _ response: inout Response,
    _ context: borrowing RequestContext
  ) throws(Refused) -> Outcome {
    if case .arrived = context.cause {
      try start(route, request, context)
    }
    switch jobs.look(context.peer) {
    case .done(let reply):
      try write(reply, &response)
      return .respond
    case .waiting:
      switch context.cause {
      case .arrived, .woken: return .park(until: context.began + Self.waitMax)
      case .deadlinePassed, .draining:
        jobs.drop(context.peer)
        throw Refused(.databaseUnreachable, "there was no answer in time; it may have been done")
      }
    case .none: throw Refused(.databaseUnreachable, "the answer was lost; ask again")
    }
  }

  // MARK: Questions

  private func start(
    _ route: WebhookRoute, _ request: borrowing Request, _ context: borrowing RequestContext
  ) throws(Refused) {
    let work = try work(for: route, request)
    guard let finish = jobs.start(context.peer) else {
      throw Refused(.tooManyWaiting, "try again in a moment")
    }
    let waker = context.waker
    work { reply in
      finish(reply)
      waker.wake()
    }
  }

  private typealias Work = (@escaping @Sendable (Reply) -> Void) -> Void

  private func work(for route: WebhookRoute, _ request: borrowing Request) throws(Refused) -> Work {
    switch route {
    case .all:
      guard request.method == .post else { return ask(.list) }
      return try creation(request)
    case .one(let id):
      switch request.method {
      case .patch: return try alteration(id.string, request)
      case .delete: return ask(.remove(id.string))
      case .get, .head, .post, .put, .options, .query, .trace: return ask(.show(id.string))
      }
    case .action(let id, let action): return try work(for: action, on: id.string, request)
    }
  }

  private func work(for action: WebhookRoute.Action, on id: String, _ request: borrowing Request)
    throws(Refused) -> Work
  {
    switch action {
    case .enable: return ask(.enable(id))
    case .deliveries: return ask(.deliveries(id, limit: try Self.limit(request)))
    case .rotateSecret: return try rotation(id, request)
    case .replay: return try replay(id, request)
    case .test: return test(id)
    }
  }

  private func ask(
    _ command: EndpointCommand, secret: SigningSecret? = nil, isNew: Bool = false
  ) -> Work {
    let desk = desk
    return { finish in
      desk.perform(command) { finish(.of($0, secret: secret, isNew: isNew)) }
    }
  }

  private func creation(_ request: borrowing Request) throws(Refused) -> Work {
    let body = try WebhookBody(request, besides: ["view", "secret"])
    guard let url = try body.url(guardian) else { throw Refused(.badBody, "url is missing") }
    guard let name = body["view"]?.string else { throw Refused(.badBody, "view is missing") }
    let view = try view(name)
    guard
      var endpoint = WebhookEndpoint.make(url: url, view: view.name, secret: try body.secret)
    else { throw Refused(.databaseUnreachable, "the system has no random numbers") }
    try body.apply(to: &endpoint)
    endpoint.filter = try body.filter(for: view) ?? []
    return ask(.add(endpoint), secret: endpoint.secrets.first, isNew: true)
  }

  private func alteration(_ id: String, _ request: borrowing Request) throws(Refused) -> Work {
    let body = try WebhookBody(request, besides: ["enabled"])
    let url = try body.url(guardian)
    let isEnabled = try body["enabled"].map(Self.flag)
    // Found out now where it can be: what depends on the endpoint is told by the desk.
    var probe = WebhookEndpoint(id: id, url: "", view: QualifiedName(schema: "", name: ""))
    try body.apply(to: &probe)
    let store = store
    return ask(
      .alter(id) { endpoint in
        try body.apply(to: &endpoint)
        if let url { endpoint.url = url.description }
        if let isEnabled { endpoint.isEnabled = isEnabled }
        guard body["filter"] != nil else { return }
        let name = endpoint.view
        guard let view = store.gate.visible.views.views.first(where: { $0.name == name }) else {
          throw Refused(.badWebhook, "\(name) is not served, so that no filter can be checked")
        }
        endpoint.filter = try body.filter(for: view) ?? []
      })
  }

  private func view(_ name: String) throws(Refused) -> LiveView {
    var text = name
    let views = store.gate.visible.views
    let found = text.withUTF8 { views.find(UnsafeRawBufferPointer($0)) }
    guard let found else {
      throw Refused(.unknownView, "no view is called \"\(name.prefix(200))\"")
    }
    return found
  }

  private func rotation(_ id: String, _ request: borrowing Request) throws(Refused) -> Work {
    let members =
      request.body.isEmpty
      ? [:]
      : try request.json().root.members(
        known: ["secret", "overlap_seconds"])
    let secret = try members["secret"].map(WebhookBody.secret) ?? SigningSecret.random()
    let overlap = try members["overlap_seconds"].map(Self.overlap) ?? Self.overlapDefault
    guard let secret else {
      throw Refused(.databaseUnreachable, "the system has no random numbers")
    }
    return ask(.rotateSecret(id, secret, overlapSeconds: overlap), secret: secret)
  }

  private static func overlap(_ value: JSONValue) throws(Refused) -> Int {
    guard let seconds = value.wholeNumber.map(Int.init), (0...overlapMax).contains(seconds) else {
      throw Refused(.badBody, "overlap_seconds must be a whole number from 0 to \(overlapMax)")
    }
    return seconds
  }

  private func replay(_ id: String, _ request: borrowing Request) throws(Refused) -> Work {
    let members = try request.json().root.members(known: ["after", "since", "parked"])
    guard members.count == 1 else {
      throw Refused(.badBody, "give one of after, since and parked")
    }
    if let parked = members["parked"] {
      guard try Self.flag(parked) else { throw Refused(.badBody, "parked must be true") }
      return ask(.replayParked(id))
    }
    if let since = members["since"] {
      guard let time = since.string.flatMap(PostgresTime.microseconds) else {
        throw Refused(.badBody, "since must be a time, as 2026-05-01T12:00:00Z")
      }
      return replay(id, since: time)
    }
    guard let position = members["after"]?.string.flatMap({ Position($0) }) else {
      throw Refused(.badPosition, "after must be a position, as an event carries")
    }
    return { [self] finish in replay(id, after: position, finish) }
  }

  private func replay(_ id: String, since time: Int64) -> Work {
    { [self] finish in
      webhooks.find(before: time) { position in
        guard let position else { return finish(.notKept) }
        self.replay(id, after: position, finish)
      }
    }
  }

  /// Asks for what is behind a position, if this instance has that of the endpoint's view.
  private func replay(
    _ id: String, after position: Position, _ finish: @escaping @Sendable (Reply) -> Void
  ) {
    let (desk, webhooks) = (desk, webhooks)
    desk.perform(.show(id)) { reply in
      guard case .endpoint(let state) = reply else {
        return finish(.of(reply, secret: nil, isNew: false))
      }
      guard webhooks.source.reaches(position, of: state.endpoint.view) else {
        return finish(.notKept)
      }
      desk.perform(.replay(id, after: position)) { finish(.of($0, secret: nil, isNew: false)) }
    }
  }

  private static func flag(_ value: JSONValue) throws(Refused) -> Bool {
    guard case .bool(let flag) = value.kind else {
      throw Refused(.badBody, "true or false is expected")
    }
    return flag
  }

  private static func limit(_ request: borrowing Request) throws(Refused) -> Int {
    let parameters = try ReadParameters(request)
    try parameters.refuseOthers(known: ["limit"])
    guard let text = parameters.others.first?.value else { return deliveriesDefault }
    return try ReadParameters.limit(text, max: deliveriesMax)
  }

  private func test(_ id: String) -> Work {
    let (desk, webhooks) = (desk, webhooks)
    return { finish in
      desk.perform(.show(id)) { reply in
        guard case .endpoint(let state) = reply else {
          return finish(.of(reply, secret: nil, isNew: false))
        }
        webhooks.test(state.endpoint) { finish(.tested($0)) }
      }
    }
  }

  // MARK: Answers

  private func write(_ reply: Reply, _ response: inout Response) throws(Refused) {
    switch reply {
    case .tested(let attempt):
      guard let attempt else {
        throw Refused(.badWebhook, "the URL is refused, or too much is under way")
      }
      response.body.append(attempt)
    case .notKept:
      throw Refused(.positionGone, "the changes since then are not all kept any more")
    case .of(let reply, let secret, let isNew):
      try write(reply, secret, isNew, &response)
    }
  }

  private func write(
    _ reply: EndpointReply, _ secret: SigningSecret?, _ isNew: Bool, _ response: inout Response
  ) throws(Refused) {
    switch reply {
    case .endpoints(let states): WebhookWriter.write(states, to: &response.body)
    case .endpoint(let state):
      if isNew {
        response.status = .created
        response.addField("Location") { $0.append("/v1/webhooks/\(state.endpoint.id)") }
      }
      WebhookWriter.write(state, secret: secret, to: &response.body)
    case .deliveries(let attempts, let parked):
      WebhookWriter.write(attempts: attempts, parked: parked, to: &response.body)
    case .askedFor(let count): response.body.append("{\"asked_for\":\(count)}")
    case .removed: response.status = .noContent
    case .unknown: throw Refused(.unknownWebhook, "GET /v1/webhooks lists those that there are")
    case .refused(let error): throw error as? Refused ?? Refused(.badWebhook, "\(error)")
    case .full:
      throw Refused(.tooManyWebhooks, "there are \(WebhookEndpoint.countMax); delete some")
    case .notPrepared:
      throw Refused(.webhooksNotPrepared, "run onhand init, which makes the tables")
    case .databaseFailed:
      throw Refused(.databaseUnreachable, "the database can't be asked; see the log")
    }
  }
}
