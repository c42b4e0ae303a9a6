import HTTPWire

/// What a path below `/v1/webhooks` asks for; ids as sent.
///
/// Without a text of its own, as every request has a ``Route``.
enum WebhookRoute {
  case all
  case one(ByteView)
  case action(ByteView, Action)

  enum Action: String, CaseIterable {
    case test
    case rotateSecret = "rotate-secret"
    case enable
    case deliveries
    case replay
  }

  /// Nil where there is nothing.
  init?(id: ByteView?, action: ByteView?) {
    guard let id else {
      self = .all
      return
    }
    guard let action else {
      self = .one(id)
      return
    }
    guard let known = Action(rawValue: action.string) else { return nil }
    self = .action(id, known)
  }

  func takes(_ method: Method) -> Bool {
    switch self {
    case .all: method == .get || method == .head || method == .post
    case .one: method == .get || method == .head || method == .patch || method == .delete
    case .action(_, .deliveries): method == .get || method == .head
    case .action: method == .post
    }
  }

  var methods: StaticString {
    switch self {
    case .all: "GET, HEAD, POST, OPTIONS"
    case .one: "GET, HEAD, PATCH, DELETE, OPTIONS"
    case .action(_, .deliveries): "GET, HEAD, OPTIONS"
    case .action: "POST, OPTIONS"
    }
  }
}
