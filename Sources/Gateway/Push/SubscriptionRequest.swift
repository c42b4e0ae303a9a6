import Engine

/// What a client asks to be told of: which rows of which view, how written, from when on.
struct SubscriptionRequest {
  var view: String
  var conditions: [ReadParameters.Parameter] = []
  var select: String?
  var quotesBigNumbers = false
  /// The position up to which the client knows all changes; nil for a snapshot.
  var after: Position?
  /// Nothing older is to be told.
  var minPosition: ReadParameters.MinPosition?

  /// - Throws: why there can't be such a subscription, as things are now.
  func check(_ read: Read) throws(Refused) {
    let view = try read.find(view)
    try RowEndpoints.checkTrust(view, read)
    let caps = read.reader.caps(view)
    _ = try RowFilter(conditions, view, caps)
    _ = try RowShape(view, select: select, quotesBigNumbers: quotesBigNumbers, caps: caps)
  }

  /// What tells apart the rows asked for, of one view.
  ///
  /// - Parameter caps: they make other rows pass and other changes worth telling.
  func interestName(caps: [Int: Int64]) -> String {
    let filter = conditions.map { "\($0.name)=\($0.value)" }.sorted().joined(separator: "&")
    return caps.isEmpty ? filter : "capped \(select ?? "*") \(filter)"
  }

  /// What tells apart how rows are written.
  func shapeName(caps: [Int: Int64]) -> String {
    guard select != nil || quotesBigNumbers || !caps.isEmpty else { return "" }
    return "\(quotesBigNumbers) \(caps.isEmpty) \(select ?? "*")"
  }
}
