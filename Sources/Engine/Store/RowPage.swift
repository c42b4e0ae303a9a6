/// One page of a view's rows, in an order and of those that pass a filter.
package struct RowPage {
  /// A row and how often the page shows it: more than once only in views without a key.
  package struct Entry {
    package let version: RowVersion
    package var copies: Int
    /// Copies that earlier pages have shown.
    package let copiesBefore: Int
  }

  package private(set) var entries: [Entry] = []
  /// Whether there is more behind the last entry.
  package private(set) var hasMore = false

  /// Goes through the rows once and keeps as many rows as the page may show; valid while the reader is inside the gate.
  ///
  /// - Parameters:
  ///   - access: finds all rows that `filter` lets pass.
  ///   - filter: a program without outputs.
  ///   - limit: rows to show, at least 1.
  /// - Throws: what failed for a row, if nobody knows whether it belongs to the page or what it shows.
  package static func read(
    _ view: LiveView, at sequence: UInt64, _ order: RowOrder, access: RowAccess = .all,
    filter: Program?, after cursor: RowCursor?, limit: Int
  ) throws(ValueFault) -> RowPage {
    // One more than is shown tells whether there is another page.
    var first = FirstRows(limit: limit + 1, order: order)
    var failure: ValueFault?
    access.forEachRow(of: view, at: sequence) { version in
      if let cursor, !isAhead(version, of: cursor, order) { return }
      switch filter?.run(version.row) {
      case nil, .keep: first.offer(version)
      case .drop: break
      case .unknown(let fault): failure = failure ?? fault
      }
    }
    if let failure { throw failure }
    return try RowPage(first.sorted, order, after: cursor, limit: limit)
  }

  private init(
    _ versions: [RowVersion], _ order: RowOrder, after cursor: RowCursor?, limit: Int
  ) throws(ValueFault) {
    var room = limit
    for version in versions {
      guard room > 0 else {
        hasMore = true
        return
      }
      if let fault = version.fault { throw fault }
      let before = cursor.map { order.compare(version.row, to: $0) == 0 ? $0.copiesGiven : 0 } ?? 0
      let copies = min(version.copies - before, room)
      entries.append(Entry(version: version, copies: copies, copiesBefore: before))
      room -= copies
      hasMore = version.copies - before > copies
    }
  }

  /// Whether a row, or some of its copies, come behind the cursor.
  private static func isAhead(_ version: RowVersion, of cursor: RowCursor, _ order: RowOrder)
    -> Bool
  {
    let place = order.compare(version.row, to: cursor)
    return place > 0 || (place == 0 && version.copies > cursor.copiesGiven)
  }
}
