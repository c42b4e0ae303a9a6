import Engine
import HTTPWire

/// What a path below `/v1` asks for; names and keys as sent.
enum Route {
  case read(ReadRoute)
  case changes(ByteView)
  /// The WebSocket.
  case live
  case holds(HoldRoute)
  case webhooks(WebhookRoute)

  /// Nil where there is nothing.
  init?(_ path: ByteView) {
    var segments = PathSegments(path)
    guard let version = segments.next(), version == "v1", let collection = segments.next() else {
      return nil
    }
    let rest = (segments.next(), segments.next(), segments.next())
    if let last = segments.next() {
      guard collection == "views", let view = rest.0, let resource = rest.1, resource == "rows",
        let key = rest.2,
        last == "history", segments.next() == nil
      else { return nil }
      self = .read(.history(view, key: key))
    } else if collection == "views" {
      self.init(view: rest.0, resource: rest.1, key: rest.2)
    } else if collection == "availability", rest.2 == nil {
      self = .read(
        rest.0.map { .availability(item: $0, place: rest.1) } ?? .availabilityOfMany)
    } else if collection == "live", rest.0 == nil {
      self = .live
    } else if collection == "holds", rest.2 == nil {
      self.init(hold: rest.0, action: rest.1)
    } else if collection == "webhooks", rest.2 == nil {
      guard let route = WebhookRoute(id: rest.0, action: rest.1) else { return nil }
      self = .webhooks(route)
    } else {
      return nil
    }
  }

  private init?(hold: ByteView?, action: ByteView?) {
    guard let hold else {
      self = .holds(.collection)
      return
    }
    guard let action else {
      self = .holds(.one(hold))
      return
    }
    guard let action = HoldAction(rawValue: action.string) else { return nil }
    self = .holds(.action(hold, action))
  }

  private init?(view: ByteView?, resource: ByteView?, key: ByteView?) {
    guard let view else {
      self = .read(.views)
      return
    }
    guard let resource else {
      self = .read(.view(view))
      return
    }
    if resource == "rows" {
      self = .read(key.map { .row(view, key: $0) } ?? .rows(view))
    } else if resource == "lookup", key == nil {
      self = .read(.lookup(view))
    } else if resource == "changes", key == nil {
      self = .changes(view)
    } else {
      return nil
    }
  }

  func takes(_ method: Method) -> Bool {
    switch self {
    case .read(let route) where route.hasBody: method == .post
    case .read, .changes, .holds(.one): method == .get || method == .head
    case .live: method == .get
    case .holds(.action): method == .post
    case .holds(.collection): method == .get || method == .head || method == .post
    case .webhooks(let route): route.takes(method)
    }
  }

  /// As `Allow` lists them.
  var methods: StaticString {
    switch self {
    case .read(let route) where route.hasBody: "POST, OPTIONS"
    case .read, .changes, .holds(.one): "GET, HEAD, OPTIONS"
    case .live: "GET, OPTIONS"
    case .holds(.action): "POST, OPTIONS"
    case .holds(.collection): "GET, HEAD, POST, OPTIONS"
    case .webhooks(let route): route.methods
    }
  }
}

/// What is answered from the views as they are at one position.
enum ReadRoute {
  case views
  case view(ByteView)
  case rows(ByteView)
  case row(ByteView, key: ByteView)
  case history(ByteView, key: ByteView)
  case lookup(ByteView)
  /// What tells the places of an item apart, separated by commas.
  case availability(item: ByteView, place: ByteView?)
  case availabilityOfMany

  /// Whether the question is too long for a path.
  var hasBody: Bool {
    switch self {
    case .lookup, .availabilityOfMany: true
    case .views, .view, .rows, .row, .history, .availability: false
    }
  }
}
