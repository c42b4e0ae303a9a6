import Engine
import HTTPWire
import JSONWire

/// What a client says over its WebSocket.
enum LiveRequest {
  case authenticate(token: String)
  case subscribe(ID, SubscriptionRequest)
  case unsubscribe(ID)
  /// Asks for a heartbeat at once, as pages can't send pings.
  case ping

  /// What a client calls a subscription, as JSON.
  typealias ID = [UInt8]

  /// A message that can't be followed, and the subscription it is about, if it says that.
  struct Failure: Error {
    let refused: Refused
    let id: [UInt8]?

    init(_ refused: Refused, id: [UInt8]?) {
      self.refused = refused
      self.id = id
    }
  }

  init(_ message: ByteView) throws(Failure) {
    let document: JSONDocument
    do throws(JSONFault) {
      document = try JSONDocument(message.bytes)
    } catch {
      throw Failure(Refused(.badMessage, error.description), id: nil)
    }
    let id = document.root["id"].flatMap(Self.id)
    do throws(Refused) {
      guard message.count <= LiveSession.requestBytesMax else {
        throw Refused(
          .messageTooLarge, "a message may have \(LiveSession.requestBytesMax) bytes")
      }
      self = try Self.read(document.root, id)
    } catch {
      // What reads bodies reads messages too.
      let problem = error.problem == .badBody ? Problem.badMessage : error.problem
      throw Failure(Refused(problem, error.detail, parameter: error.parameter), id: id)
    }
  }

  private static func read(_ root: JSONValue, _ id: ID?) throws(Refused) -> LiveRequest {
    switch root["type"]?.string {
    case "subscribe": return .subscribe(try required(id), try subscription(root))
    case "unsubscribe":
      _ = try root.members(known: ["type", "id"])
      return .unsubscribe(try required(id))
    case "ping": return .ping
    case "authenticate":
      guard let token = root["token"]?.string else {
        throw Refused(.badMessage, "token must be a string")
      }
      return .authenticate(token: token)
    default:
      throw Refused(.badMessage, "type must be subscribe, unsubscribe, ping or authenticate")
    }
  }

  private static func id(_ value: JSONValue) -> ID? {
    guard let text = value.string, (1...LiveSession.idBytesMax).contains(text.utf8.count) else {
      return nil
    }
    var json: [UInt8] = []
    JSONText.write(text: text, to: &json)
    return json
  }

  private static func required(_ id: ID?) throws(Refused) -> ID {
    guard let id else {
      throw Refused(.badMessage, "id must be a string of 1 to \(LiveSession.idBytesMax) bytes")
    }
    return id
  }

  private static let members = [
    "type", "id", "view", "where", "select", "bigint", "after", "min_position",
  ]

  private static func subscription(_ root: JSONValue) throws(Refused) -> SubscriptionRequest {
    let given = try root.members(known: members)
    guard let view = given["view"]?.string else {
      throw Refused(.badMessage, "view must be the name of a view")
    }
    var request = SubscriptionRequest(view: view)
    request.conditions = try given["where"].map(conditions) ?? []
    request.select = try text("select", given)
    if let form = try text("bigint", given) {
      guard form == "string" || form == "number" else {
        throw Refused(.badMessage, "bigint must be string or number")
      }
      request.quotesBigNumbers = form == "string"
    }
    if let after = try text("after", given) {
      guard let position = Position(after) else {
        throw Refused(.badPosition, "after must be a position, as frames have it")
      }
      request.after = position
    }
    request.minPosition = try text("min_position", given).map(ReadParameters.minPosition)
    return request
  }

  private static func text(_ name: String, _ given: [String: JSONValue]) throws(Refused) -> String?
  {
    guard let value = given[name], value.kind != .null else { return nil }
    guard let text = value.string else { throw Refused(.badMessage, "\(name) must be a string") }
    return text
  }

  /// `{"column":"eq.1","other":["gt.1","lt.5"]}`.
  private static func conditions(_ value: JSONValue) throws(Refused) -> [ReadParameters.Parameter] {
    if value.kind == .null { return [] }
    guard let members = value.members else {
      throw Refused(.badMessage, "where must be an object, as {\"column\":\"eq.1\"}")
    }
    var conditions: [ReadParameters.Parameter] = []
    for (name, value) in members {
      for condition in value.elements.map(Array.init) ?? [value] {
        guard let text = condition.string else {
          throw Refused(
            .badFilter, "a condition must be a string, as eq.1, or a list of such", parameter: name)
        }
        conditions.append(ReadParameters.Parameter(name: name, value: text))
      }
    }
    return conditions
  }
}
