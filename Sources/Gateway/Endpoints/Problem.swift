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
  case positionNotReached = "position_not_reached"
  case tooManyWaiting = "too_many_waiting"
  case notReady = "not_ready"
  case viewDegraded = "view_degraded"
  case rowFailed = "row_failed"
  case rangeNotSatisfiable = "range_not_satisfiable"
  case positionGone = "position_gone"
  case unknownWebhook = "unknown_webhook"
  case badWebhook = "bad_webhook"
  case tooManyWebhooks = "too_many_webhooks"
  case webhooksNotPrepared = "webhooks_not_prepared"
  case databaseUnavailable = "database_unavailable"

  var status: Status {
    switch self {
    case .notFound, .unknownView, .unknownRow, .unknownItem: .notFound
    case .tokenMissing, .tokenUnknown: .unauthorized
    case .forbidden: .forbidden
    case .methodNotAllowed: .methodNotAllowed
    case .hostNotAllowed: .misdirectedRequest
    case .unknownParameter, .badParameter, .badFilter, .cursorTooLong, .badKey, .badBody,
      .viewWithoutKey, .badPosition:
      .badRequest
    case .notJSON: .unsupportedMediaType
    case .tooManyKeys, .answerTooLarge: .contentTooLarge
    case .availabilityNotConfigured: .notFound
    case .epochMismatch: .conflict
    case .positionNotReached: .gatewayTimeout
    case .tooManyWaiting, .notReady, .viewDegraded, .rowFailed: .serviceUnavailable
    case .rangeNotSatisfiable: .rangeNotSatisfiable
    case .positionGone: .gone
    case .unknownWebhook: .notFound
    case .badWebhook: .badRequest
    case .tooManyWebhooks: .conflict
    case .webhooksNotPrepared, .databaseUnavailable: .serviceUnavailable
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
    case .positionNotReached: "The position was not reached in time"
    case .tooManyWaiting: "Too many requests wait for a position"
    case .notReady: "The views are not complete yet"
    case .viewDegraded: "The view's rows can't be trusted at present"
    case .rowFailed: "An expression of the view fails for this row"
    case .rangeNotSatisfiable: "There is nothing in the range asked for"
    case .positionGone: "Changes behind the position are not kept any more"
    case .unknownWebhook: "There is no such webhook"
    case .badWebhook: "The webhook can't be as it is asked for"
    case .tooManyWebhooks: "There are as many webhooks as may be"
    case .webhooksNotPrepared: "The database is not prepared for webhooks"
    case .databaseUnavailable: "The database can't be asked at present"
    }
  }

  /// Writes the problem as RFC 9457 wants it.
  ///
  /// - Parameter parameter: of the query, if it is to blame.
  func write(_ detail: String, parameter: String? = nil, to response: inout Response) {
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
