import Engine

/// What a list of rows is asked for: which rows, in which order, how many and how they are written.
struct RowsQuery {
  let order: RowOrder
  let filter: RowFilter
  let cursor: RowCursor?
  let limit: Int
  let shape: RowShape

  private static let limitDefault = 1_000
  /// A page of this many rows is a few megabytes.
  private static let limitMax = 10_000
  private static let names: Set = ["limit", "cursor", "select", "order"]

  /// - Throws: what is wrong with which parameter.
  init(_ parameters: ReadParameters, _ view: LiveView, _ reader: Reader) throws(Refused) {
    let (own, conditions) = try parameters.split(Self.names)
    let caps = reader.caps(view)
    if let text = own["limit"] {
      limit = try ReadParameters.limit(text, max: Self.limitMax)
    } else {
      limit = Self.limitDefault
    }
    shape = try RowShape(
      view, select: own["select"], quotesBigNumbers: parameters.quotesBigNumbers, caps: caps)
    order = try Self.order(own["order"], view, caps)
    filter = try RowFilter(conditions, view, caps)
    cursor = try Self.cursor(own["cursor"], order, view)
  }

  private static func order(_ text: String?, _ view: LiveView, _ caps: [Int: Int64])
    throws(Refused) -> RowOrder
  {
    guard let text else { return RowOrder(view) }
    do throws(QueryFault) {
      let parser = OrderParser(view.definition.columns, forbidden: Set(caps.keys))
      return RowOrder(view, by: try parser.parse(text))
    } catch {
      throw Refused(.badParameter, error.description, parameter: "order")
    }
  }

  private static func cursor(_ text: String?, _ order: RowOrder, _ view: LiveView)
    throws(Refused) -> RowCursor?
  {
    guard let text else { return nil }
    guard let cursor = RowCursor(text, order, of: view) else {
      throw Refused(
        .badParameter, "cursor is not one that this view gave in this order", parameter: "cursor")
    }
    return cursor
  }
}
