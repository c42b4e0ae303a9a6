import TestSupport

@testable import Engine

/// A client as simple as can be: it keeps what it is told, and starts anew where it is told so.
final class TestFollower: InterestFollower {
  typealias Rows = [String: String]

  let view: LiveView
  let filter: Filter?
  private let name: [UInt8]
  private(set) var interest: Interest
  private(set) var knownMark: UInt64 = 0
  var places = FollowerPlaces()
  private(set) var rows: Rows = [:]
  private(set) var isLost = false
  private(set) var wasCalled = false
  /// What it had, and up to where, when it last knew everything.
  private(set) var whole: (rows: Rows, position: Position)?

  init(
    _ view: LiveView, _ filter: Filter?, name: [UInt8], _ registry: InterestRegistry,
    goneKeysMax: Int = Interest.goneKeysMaxDefault
  ) {
    self.view = view
    self.filter = filter
    self.name = name
    interest = Self.draft(view, filter, name, goneKeysMax)
    interest = registry.follow(interest, self)
    knownMark = interest.lastMark
  }

  static func draft(
    _ view: LiveView, _ filter: Filter?, _ name: [UInt8],
    _ goneKeysMax: Int = Interest.goneKeysMaxDefault
  ) -> Interest {
    guard let filter, let bound = try? FilterBinder(view.definition.columns).bind(filter) else {
      return Interest(view, name: name, filter: nil, probe: nil, goneKeysMax: goneKeysMax)
    }
    return Interest(
      view, name: name,
      filter: Program(condition: bound, over: view.rowLayout),
      probe: Interest.Probe(filter, of: view, capped: []), goneKeysMax: goneKeysMax)
  }

  var draft: Interest { Self.draft(view, filter, name) }

  func interestChanged() { wasCalled = true }
  func interestWasLost(_ loss: InterestLoss) { isLost = true }

  func leave(_ registry: InterestRegistry) { registry.unfollow(interest, self) }

  func read(at visible: ReadGate.Visible) {
    rows = Self.rows(of: view, interest, at: visible.sequence)
    knownMark = interest.lastMark
    isLost = false
    if wasCalled { interest.listen(self) }
    wasCalled = false
    noteWhole(visible)
  }

  /// Takes at most so many changes; true if that was all.
  func drain(_ visible: ReadGate.Visible, atMost limit: Int = .max) -> Bool {
    knownMark = take(interest, after: knownMark, visible, atMost: limit)
    guard knownMark == interest.lastMark else { return false }
    if wasCalled { interest.listen(self) }
    wasCalled = false
    noteWhole(visible)
    return true
  }

  /// Comes back with the rows that another had.
  func resume(with rows: Rows) { self.rows = rows }

  /// Takes at most so many changes behind a mark, and returns the mark up to which it knows all.
  func take(
    _ interest: Interest, after mark: UInt64, _ visible: ReadGate.Visible, atMost limit: Int
  ) -> UInt64 {
    var left = limit
    return interest.forEachChange(after: mark, at: visible.sequence) { change in
      Self.apply(change, view, to: &rows)
      left -= 1
      return left > 0
    }
  }

  private func noteWhole(_ visible: ReadGate.Visible) {
    whole = visible.position.map { (rows, $0) }
  }

  static func apply(_ change: Interest.Change, _ view: LiveView, to rows: inout Rows) {
    switch change {
    case .upsert(let version): rows[key(version.row, view)] = text(version)
    case .delete(let key): rows[normalized(key, view)] = nil
    }
  }

  static func rows(of view: LiveView, _ interest: Interest, at sequence: UInt64) -> Rows {
    var rows: Rows = [:]
    view.table.forEachRow(at: sequence) { version in
      if interest.mayPass(version.row) { rows[key(version.row, view)] = text(version) }
    }
    return rows
  }

  static func key(_ row: RowRef, _ view: LiveView) -> String {
    normalized(view.keyJSON(of: row), view)
  }

  /// Keys are the same if their values are: numbers without the zeros at their end.
  static func normalized(_ key: [UInt8], _ view: LiveView) -> String {
    let text = String(decoding: key, as: UTF8.self)
    guard view.hasKey else { return text }
    return text.split(separator: ",", omittingEmptySubsequences: false).map { member in
      let isLast = member.hasSuffix("}")
      let number = member.split(separator: ":").last?.prefix { $0 != "}" } ?? ""
      guard number.contains("."), Double(number) != nil else { return String(member) }
      var digits = number
      while digits.last == "0" { digits = digits.dropLast() }
      if digits.last == "." { digits = digits.dropLast() }
      return member.dropLast(number.count + (isLast ? 1 : 0)) + digits + (isLast ? "}" : "")
    }.joined(separator: ",")
  }

  static func text(_ version: RowVersion) -> String {
    "\(version.copies) " + String(decoding: version.json, as: UTF8.self)
  }
}
