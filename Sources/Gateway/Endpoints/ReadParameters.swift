import Engine
import HTTPWire

/// The parameters that every read takes, and the others for the endpoint to make sense of.
struct ReadParameters {
  /// The position that the answer must include, as given.
  enum MinPosition {
    case lsn(LSN)
    case position(Position)

    /// How far the log has to be visible.
    ///
    /// - Parameter current: what is visible; nil where nothing is yet.
    func lsn(at current: Position?) throws(Refused) -> LSN {
      switch self {
      case .lsn(let lsn): return lsn
      case .position(let position):
        if let current, current.epoch != position.epoch {
          throw Refused(
            .epochMismatch,
            "it is of epoch \(position.epoch), the database's history is now \(current.epoch); read anew"
          )
        }
        return position.lsn
      }
    }
  }

  /// One `name=value` of the query, percent-decoded.
  struct Parameter {
    let name: String
    let value: String
  }

  var minPosition: MinPosition?
  /// How long to wait, if the request says so.
  private(set) var givenWait: Duration?
  /// Whether int8 and numeric are strings.
  private(set) var quotesBigNumbers = false
  private(set) var others: [Parameter] = []

  /// How long to wait for a position.
  var wait: Duration { givenWait ?? Self.waitDefault }

  static let waitDefault = Duration.seconds(2)
  private static let waitMax = Duration.seconds(30)
  private static let names = ["min_position", "wait", "bigint"]

  init() {}

  init(_ request: borrowing Request) throws(Refused) {
    if let field = request.field("onhand-min-position") {
      minPosition = try Self.minPosition(field.string)
    }
    if !request.query.isEmpty { try read(QueryFields(request.query)) }
  }

  private mutating func read(_ query: QueryFields) throws(Refused) {
    var seen: Set<String> = []
    for (encoded, value) in query {
      guard let name = encoded.percentDecoded(.query) else {
        throw Refused(
          .badParameter, "the name is not percent-encoded UTF-8", parameter: encoded.string)
      }
      guard let text = value.percentDecoded(.query) else {
        throw Refused(.badParameter, "the value is not percent-encoded UTF-8", parameter: name)
      }
      guard Self.names.contains(name) else {
        others.append(Parameter(name: name, value: text))
        continue
      }
      guard seen.insert(name).inserted else { throw Self.givenTwice(name) }
      try set(name, text)
    }
  }

  private mutating func set(_ name: String, _ text: String) throws(Refused) {
    switch name {
    case "min_position": minPosition = try Self.minPosition(text)
    case "wait": givenWait = try Self.wait(text)
    default:
      guard text == "string" || text == "number" else {
        throw Refused(.badParameter, "bigint must be string or number", parameter: "bigint")
      }
      quotesBigNumbers = text == "string"
    }
  }

  /// Takes those called `names` apart from conditions on columns.
  func split(_ names: Set<String>) throws(Refused) -> (
    own: [String: String], conditions: [Parameter]
  ) {
    var own: [String: String] = [:]
    var conditions: [Parameter] = []
    for parameter in others {
      guard names.contains(parameter.name) else {
        conditions.append(parameter)
        continue
      }
      guard own.updateValue(parameter.value, forKey: parameter.name) == nil else {
        throw Self.givenTwice(parameter.name)
      }
    }
    return (own, conditions)
  }

  static func limit(_ text: String, max: Int) throws(Refused) -> Int {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let limit = Int(text),
      (1...max).contains(limit)
    else {
      throw Refused(.badParameter, "limit must be a number from 1 to \(max)", parameter: "limit")
    }
    return limit
  }

  static func givenTwice(_ name: String) -> Refused {
    Refused(.badParameter, "\(name) is given twice", parameter: name)
  }

  /// Refuses parameters that the endpoint does not know.
  ///
  /// - Parameter known: what it takes besides those of all reads.
  func refuseOthers(known: [String] = []) throws(Refused) {
    guard let unknown = others.first(where: { !known.contains($0.name) }) else { return }
    let names = (Self.names + known).joined(separator: ", ")
    throw Refused(
      .unknownParameter, "it is not known here; known are \(names)", parameter: unknown.name)
  }

  static func minPosition(_ text: String) throws(Refused) -> MinPosition {
    if let lsn = LSN(text) { return .lsn(lsn) }
    if let position = Position(text) { return .position(position) }
    throw Refused(
      .badPosition, "give an LSN as 0/1A2B3C4D, or a position as Onhand-Position has it",
      parameter: "min_position")
  }

  /// `2s`, `250ms` or `0`.
  private static func wait(_ text: String) throws(Refused) -> Duration {
    let digits = text.prefix { ("0"..."9").contains($0) }
    let duration: Duration? =
      switch (Int(digits), text.dropFirst(digits.count)) {
      case (let number?, "ms") where number <= 1_000_000: .milliseconds(number)
      case (let number?, "s") where number <= 1_000: .seconds(number)
      case (0, ""): .zero
      default: nil
      }
    guard let duration, duration <= waitMax else {
      throw Refused(
        .badParameter, "wait must be a time up to 30s, as 2s or 250ms", parameter: "wait")
    }
    return duration
  }
}
