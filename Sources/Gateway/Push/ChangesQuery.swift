import Engine
import HTTPWire

/// What `GET /v1/views/{view}/changes` is asked for.
struct ChangesQuery {
  private(set) var subscription: SubscriptionRequest
  private(set) var limit = Self.limitDefault
  let wantsEvents: Bool

  private static let limitDefault = 1_000
  private static let limitMax = 10_000
  private static let names: Set = ["after", "limit", "select"]

  init(_ view: String, _ parameters: ReadParameters, _ request: borrowing Request) throws(Refused) {
    subscription = SubscriptionRequest(view: view)
    subscription.quotesBigNumbers = parameters.quotesBigNumbers
    subscription.minPosition = parameters.minPosition
    let (own, conditions) = try parameters.split(Self.names)
    subscription.conditions = conditions
    subscription.select = own["select"]
    wantsEvents = Self.acceptsEvents(request)
    if let text = own["limit"] { limit = try ReadParameters.limit(text, max: Self.limitMax) }
    // A browser that comes back sends the id it saw last.
    let seen = try Self.position(request.field("last-event-id")?.string ?? "")
    let after = try Self.position(own["after"] ?? "")
    subscription.after = seen ?? after
    // It has seen all that it began with, and knows nothing of a history that the database may have by now.
    if seen != nil { subscription.minPosition = nil }
  }

  /// Nil for an empty text.
  private static func position(_ text: String) throws(Refused) -> Position? {
    if text.isEmpty { return nil }
    guard let position = Position(text) else {
      throw Refused(
        .badPosition, "after must be a position, as Onhand-Position has it", parameter: "after")
    }
    return position
  }

  /// Whether `Accept` lists `text/event-stream`, and not as what is unacceptable (RFC 9110 12.4.2).
  private static func acceptsEvents(_ request: borrowing Request) -> Bool {
    guard let accepted = request.field("accept") else { return false }
    return accepted.string.split(separator: ",").contains { item in
      let parts = item.split(separator: ";").map { $0.trimmingSpaces.lowercased() }
      let isRefused = parts.dropFirst().contains {
        $0.hasPrefix("q=") && Double($0.dropFirst(2)) == 0
      }
      return parts.first == "text/event-stream" && !isRefused
    }
  }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
  }
}
