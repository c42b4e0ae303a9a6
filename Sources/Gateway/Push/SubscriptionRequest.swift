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

  /// Of what its memory grows with.
  var textBytes: Int {
    conditions.reduce(select?.utf8.count ?? 0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
  }

  /// What has to be visible before anything is told.
  func start(at position: Position) throws(Refused) -> LSN? {
    let wanted = try minPosition?.lsn(at: position)
    // What the client has seen may be ahead of this instance: it must not be told anything older.
    guard let after, after.epoch == position.epoch else { return wanted }
    return max(wanted ?? after.lsn, after.lsn)
  }

  /// - Throws: why there can't be such a subscription, as things are now.
  func check(_ read: Read) throws(Refused) {
    if let position = read.visible.position { _ = try start(at: position) }
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
  private func interestName(caps: [Int: Int64]) -> [UInt8] {
    var name = caps.isEmpty ? [] : shapeName(caps: caps)
    name.append(quotesBigNumbers ? 1 : 0)
    let texts = conditions.map { Self.bounded($0.name) + Self.bounded($0.value) }
    for text in texts.sorted(by: { $0.lexicographicallyPrecedes($1) }) { name += text }
    return name
  }

  /// What tells apart how rows are written.
  func shapeName(caps: [Int: Int64]) -> [UInt8] {
    guard select != nil || quotesBigNumbers || !caps.isEmpty else { return [] }
    return [quotesBigNumbers ? 1 : 0, caps.isEmpty ? 0 : 1] + Self.bounded(select ?? "*")
  }

  /// A text and where it ends, so that two behind each other can't be mistaken for others.
  private static func bounded(_ text: String) -> [UInt8] {
    Array("\(text.utf8.count):".utf8) + text.utf8
  }
}
