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
    _ = try shape(of: view, caps)
  }

  /// How rows are written: with all that tells them apart, so that a change names a row that was told.
  func shape(of view: LiveView, _ caps: [Int: Int64]) throws(Refused) -> RowShape {
    try RowShape(
      view, select: select, quotesBigNumbers: quotesBigNumbers, caps: caps, identifies: true)
  }

  /// What follows the changes of the rows asked for.
  func interest(in view: LiveView, _ filter: RowFilter, _ shape: RowShape, _ caps: [Int: Int64])
    -> Interest
  {
    Interest(
      view, name: interestName(caps: caps), filter: filter.program, probe: filter.probe,
      appearance: caps.isEmpty ? nil : shape.writer, quotesBigNumbers: quotesBigNumbers)
  }

  /// What tells apart the rows asked for, of one view, and how their keys are written.
  ///
  /// - Parameter caps: they make other rows pass and other changes worth telling.
  private func interestName(caps: [Int: Int64]) -> String {
    let filter = conditions.map { "\($0.name)=\($0.value)" }.sorted().joined(separator: "&")
    let name = quotesBigNumbers ? "quoted \(filter)" : filter
    return caps.isEmpty ? name : "capped \(select ?? "*") \(name)"
  }

  /// What tells apart how rows are written.
  func shapeName(caps: [Int: Int64]) -> String {
    guard select != nil || quotesBigNumbers || !caps.isEmpty else { return "" }
    return "\(quotesBigNumbers) \(caps.isEmpty) \(select ?? "*")"
  }
}
