import HTTPWire

/// What a path below `/v1` asks for; names and keys as sent.
enum Route {
  case views
  case view(ByteView)
  case rows(ByteView)
  case row(ByteView, key: ByteView)
  case lookup(ByteView)
  case availability(item: ByteView, location: ByteView?)
  case availabilityOfMany
  case webhooks(WebhookRoute)

  /// Nil where there is nothing.
  init?(_ path: ByteView) {
    var segments = PathSegments(path)
    guard let version = segments.next(), version == "v1", let collection = segments.next() else {
      return nil
    }
    let rest = (segments.next(), segments.next(), segments.next())
    guard segments.next() == nil else { return nil }
    if collection == "views" {
      self.init(view: rest.0, resource: rest.1, key: rest.2)
    } else if collection == "availability", rest.2 == nil {
      self = rest.0.map { .availability(item: $0, location: rest.1) } ?? .availabilityOfMany
    } else if collection == "webhooks", rest.2 == nil {
      guard let route = WebhookRoute(id: rest.0, action: rest.1) else { return nil }
      self = .webhooks(route)
    } else {
      return nil
    }
  }

  private init?(view: ByteView?, resource: ByteView?, key: ByteView?) {
    guard let view else {
      self = .views
      return
    }
    guard let resource else {
      self = .view(view)
      return
    }
    if resource == "rows" {
      self = key.map { .row(view, key: $0) } ?? .rows(view)
    } else if resource == "lookup", key == nil {
      self = .lookup(view)
    } else {
      return nil
    }
  }

  func takes(_ method: Method) -> Bool {
    switch self {
    case .views, .view, .rows, .row, .availability: method == .get || method == .head
    case .lookup, .availabilityOfMany: method == .post
    case .webhooks(let route): route.takes(method)
    }
  }

  /// As `Allow` lists them.
  var methods: StaticString {
    switch self {
    case .views, .view, .rows, .row, .availability: "GET, HEAD, OPTIONS"
    case .lookup, .availabilityOfMany: "POST, OPTIONS"
    case .webhooks(let route): route.methods
    }
  }
}
