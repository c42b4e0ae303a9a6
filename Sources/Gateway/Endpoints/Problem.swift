import HTTPWire

/// What a request may be refused for: the one table of codes, statuses and titles.
///
/// Codes are stable: programs branch on them.
enum Problem: String, CaseIterable {
  case notFound = "not_found"
  case methodNotAllowed = "method_not_allowed"
  case hostNotAllowed = "host_not_allowed"
  case tokenMissing = "token_missing"
  case tokenUnknown = "token_unknown"
  case forbidden
  case unknownView = "unknown_view"
  case unknownRow = "unknown_row"
  case unknownItem = "unknown_item"
  case unknownParameter = "unknown_parameter"
  case badParameter = "bad_parameter"
  case badFilter = "bad_filter"
  case cursorTooLong = "cursor_too_long"
  case badKey = "bad_key"
  case badBody = "bad_body"
  case notJSON = "not_json"
  case tooManyKeys = "too_many_keys"
  case answerTooLarge = "answer_too_large"
  case availabilityNotConfigured = "availability_not_configured"
  case viewWithoutKey = "view_without_key"
  case badPosition = "bad_position"
  case epochMismatch = "epoch_mismatch"
  case positionGone = "position_gone"
  case historyNotKept = "history_not_kept"
  case positionNotReached = "position_not_reached"
  case tooManyWaiting = "too_many_waiting"
  case notReady = "not_ready"
  case viewDegraded = "view_degraded"
  case rowFailed = "row_failed"
  case originNotAllowed = "origin_not_allowed"
  case badMessage = "bad_message"
  case messageTooLarge = "message_too_large"
  case subscriptionExists = "subscription_exists"
  case unknownSubscription = "unknown_subscription"
  case tooManySubscriptions = "too_many_subscriptions"
  case rangeNotSatisfiable = "range_not_satisfiable"
  case holdsNotConfigured = "holds_not_configured"
  case unknownHold = "unknown_hold"
  case insufficientStock = "insufficient_stock"
  case holdInFlight = "hold_in_flight"
  case holdUndecided = "hold_undecided"
  case idempotencyKeyReused = "idempotency_key_reused"
  case referenceConfirmed = "reference_confirmed"
  case holdEnded = "hold_ended"
  case holdExpired = "hold_expired"
  case holdReplaced = "hold_replaced"
  case holdBusy = "hold_busy"
  case lagging
  case databaseUnreachable = "database_unreachable"
  case tooManyHolds = "too_many_holds"
  case unknownWebhook = "unknown_webhook"
  case badWebhook = "bad_webhook"
  case tooManyWebhooks = "too_many_webhooks"
  case webhooksNotPrepared = "webhooks_not_prepared"

  var status: Status {
    switch self {
    case .notFound, .unknownView, .unknownRow, .unknownItem, .unknownSubscription: .notFound
    case .tokenMissing, .tokenUnknown: .unauthorized
    case .forbidden, .originNotAllowed: .forbidden
    case .methodNotAllowed: .methodNotAllowed
    case .hostNotAllowed: .misdirectedRequest
    case .unknownParameter, .badParameter, .badFilter, .cursorTooLong, .badKey, .badBody,
      .viewWithoutKey, .badPosition, .badMessage:
      .badRequest
    case .notJSON: .unsupportedMediaType
    case .tooManyKeys, .answerTooLarge, .messageTooLarge: .contentTooLarge
    case .availabilityNotConfigured, .historyNotKept: .notFound
    case .epochMismatch, .subscriptionExists: .conflict
    case .tooManySubscriptions: .tooManyRequests
    case .positionGone: .gone
    case .positionNotReached: .gatewayTimeout
    case .tooManyWaiting, .notReady, .viewDegraded, .rowFailed: .serviceUnavailable
    case .rangeNotSatisfiable: .rangeNotSatisfiable
    case .holdsNotConfigured, .unknownHold: .notFound
    case .insufficientStock, .holdInFlight, .holdUndecided, .referenceConfirmed, .holdEnded,
      .holdReplaced, .holdBusy:
      .conflict
    case .idempotencyKeyReused: .unprocessableContent
    case .holdExpired: .gone
    case .lagging, .databaseUnreachable: .serviceUnavailable
    case .tooManyHolds: .tooManyRequests
    case .unknownWebhook: .notFound
    case .badWebhook: .badRequest
    case .tooManyWebhooks: .conflict
    case .webhooksNotPrepared: .serviceUnavailable
    }
  }

  var title: StaticString {
    switch self {
    case .notFound: "There is nothing at this path"
    case .methodNotAllowed: "The method is not allowed here"
    case .hostNotAllowed: "The Host header names another machine"
    case .tokenMissing: "A token is needed"
    case .tokenUnknown: "The token is not known"
    case .forbidden: "The caller may not do this"
    case .unknownView: "No such view is served"
    case .unknownRow: "The view has no row with this key"
    case .unknownItem: "There is no such item"
    case .unknownParameter: "The query has a parameter that is not known"
    case .badParameter: "A parameter is not what it should be"
    case .badFilter: "A filter can't be applied to the view"
    case .cursorTooLong: "The next page can't be named"
    case .badBody: "The body is not what it should be"
    case .notJSON: "The body must be JSON"
    case .tooManyKeys: "Too many keys are asked for at once"
    case .answerTooLarge: "The answer would be too large"
    case .availabilityNotConfigured: "Availability is not configured"
    case .badKey: "The key does not fit the view's key columns"
    case .viewWithoutKey: "The view has no key to address rows by"
    case .badPosition: "The position can't be read"
    case .epochMismatch: "The position belongs to another history of the database"
    case .positionGone: "The changes since the position are not kept any more"
    case .historyNotKept: "The view's past is not kept"
    case .positionNotReached: "The position was not reached in time"
    case .tooManyWaiting: "Too many requests wait for a position"
    case .notReady: "The views are not complete yet"
    case .viewDegraded: "The view's rows can't be trusted at present"
    case .rowFailed: "An expression of the view fails for this row"
    case .originNotAllowed: "Pages of this origin may not connect"
    case .badMessage: "The message is not what it should be"
    case .messageTooLarge: "The message is too large"
    case .subscriptionExists: "A subscription of this id is there already"
    case .unknownSubscription: "There is no such subscription"
    case .tooManySubscriptions: "The connection has too many subscriptions"
    case .rangeNotSatisfiable: "There is nothing in the range asked for"
    case .holdsNotConfigured: "Holds are not configured"
    case .unknownHold: "There is no such hold"
    case .insufficientStock: "There is not enough"
    case .holdInFlight: "It is not decided yet"
    case .holdUndecided: "Nobody can tell whether the hold was granted"
    case .idempotencyKeyReused: "The idempotency key was used for another request"
    case .referenceConfirmed: "A hold with this reference is paid for"
    case .holdEnded: "The hold has ended otherwise"
    case .holdExpired: "The hold has expired"
    case .holdReplaced: "Another hold has taken its place"
    case .holdBusy: "The hold is being changed by a transaction that is open"
    case .lagging: "The log is followed too slowly"
    case .databaseUnreachable: "The database can't be asked"
    case .tooManyHolds: "The caller has, or asks for, too much"
    case .unknownWebhook: "There is no such webhook"
    case .badWebhook: "The webhook can't be as it is asked for"
    case .tooManyWebhooks: "There are as many webhooks as may be"
    case .webhooksNotPrepared: "The database is not prepared for webhooks"
    }
  }

  /// Writes the problem as RFC 9457 wants it.
  ///
  /// - Parameter parameter: of the query, if it is to blame.
  func write(_ detail: String, parameter: String? = nil, to response: inout Response) {
    write(detail, parameter: parameter, to: &response) { _ in }
  }

  /// - Parameter members: appends more of them, each with a comma in front.
  func write(
    _ detail: String, parameter: String? = nil, to response: inout Response,
    members: (inout ByteBuffer) -> Void
  ) {
    response.status = status
    response.mediaType = .problem
    response.body.removeAll()
    response.body.append("{\"type\":\"about:blank\",\"title\":\"")
    response.body.append(title)
    response.body.append("\",\"status\":")
    response.body.append(decimal: Int(status.rawValue))
    response.body.append(",\"code\":\"")
    response.body.append(rawValue)
    response.body.append("\",\"detail\":")
    response.body.append(jsonString: detail)
    if let parameter {
      response.body.append(",\"parameter\":")
      response.body.append(jsonString: parameter)
    }
    members(&response.body)
    response.body.append("}")
  }
}

/// A refusal with what the client should know of this case.
struct Refused: Error {
  let problem: Problem
  let detail: String
  /// The query's parameter that is to blame.
  let parameter: String?

  init(_ problem: Problem, _ detail: String, parameter: String? = nil) {
    self.problem = problem
    self.detail = detail
    self.parameter = parameter
  }
}
