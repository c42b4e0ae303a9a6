/// The rows of one view that pass one filter, and those for which it fails, as some followers on one thread want to know of them.
///
/// It knows which keys changed, not how: what to tell is read from the view when a follower can take it.
package final class Interest {
  package let view: LiveView
  /// What tells interests in one view apart, such as the text of the filter; bytes, as texts that are equivalent are not the same.
  package let name: [UInt8]
  private let filter: Program?
  /// How the followers are shown rows, if less than everything is told: what looks the same to them is no change.
  private let appearance: RowJSONWriter?
  /// Whether the followers' keys have int8 and numeric as strings, as their rows do.
  private let quotesBigNumbers: Bool
  /// A column that the filter wants to have one of some values, by which the interest is found.
  let probe: Probe?
  @exclusivity(unchecked) private var dirty = DirtyKeys()
  @exclusivity(unchecked) private(set) var followers: [any InterestFollower] = []
  /// Those to be called at the next change.
  @exclusivity(unchecked) private var listeners: [any InterestFollower] = []
  @exclusivity(unchecked) private var toldMark: UInt64 = 0
  private var slotsBeforePruning = Interest.slotsMin
  /// Where its marks are counted beside others', and how many of them were.
  var budget: MarkBudget?
  private var counted = 0
  private let goneKeysMax: Int

  private static let slotsMin = 4
  /// Keys of rows that are gone which are kept for a follower that is behind: what comes and goes has no other bound, and to tell
  /// of more would cost as much as to begin anew. Some 200 bytes each.
  package static let goneKeysMaxDefault = 65_536
  /// Keys that are marked for one who comes back, before it is cheaper to begin anew.
  private static let pastKeysMax = 131_072

  /// A condition that a column equals one of some values.
  package struct Probe {
    package let column: Int
    /// Each a canonical row of the column alone.
    package let values: [[UInt8]]

    /// The column that the filter leaves the fewest values; nil where it leaves all of them open.
    ///
    /// - Parameter capped: columns whose values the filter sees changed.
    package init?(_ filter: Filter, of view: LiveView, capped: Set<Int>) {
      let columns = view.definition.columns
      let probes = columns.indices.compactMap { column in
        KeyProbe(filter, columns: columns, key: [column], capped: capped).map { (column, $0.keys) }
      }
      guard let best = probes.min(by: { $0.1.count < $1.1.count }) else { return nil }
      (column, values) = best
    }
  }

  package init(
    _ view: LiveView, name: [UInt8], filter: Program?, probe: Probe?,
    appearance: RowJSONWriter? = nil, quotesBigNumbers: Bool = false,
    goneKeysMax: Int = goneKeysMaxDefault
  ) {
    self.goneKeysMax = goneKeysMax
    self.appearance = appearance
    self.quotesBigNumbers = quotesBigNumbers
    self.view = view
    self.name = name
    self.filter = filter
    self.probe = probe
  }

  deinit { budget?.count -= counted }

  // MARK: Following

  /// The number of the last change; one that a follower starts from.
  package var lastMark: UInt64 { dirty.lastMark }

  /// Whether more has changed in the past than is worth telling.
  var isCrowded: Bool { dirty.count > Self.pastKeysMax }

  /// A key that has changed, and its row as it is now.
  package enum Change {
    case upsert(RowVersion)
    /// No row of this key, with the key's columns as JSON.
    case delete(key: [UInt8])
  }

  /// Calls `body` with what became of the keys changed behind `mark`, until it returns false.
  ///
  /// - Parameter sequence: what the reader sees; all steps up to it, and no others, have been taken in.
  /// - Returns: the mark up to which `body` knows all.
  package func forEachChange(
    after mark: UInt64, at sequence: UInt64, _ body: (Change) -> Bool
  ) -> UInt64 {
    var known = lastMark
    dirty.forEach(after: mark) { entry in
      let change: Change
      if let goneKey = entry.goneKey {
        change = .delete(key: goneKey)
      } else if let version = view.table.find(entry.key, at: sequence) {
        change = .upsert(version)
      } else {
        // In changes of the past, which are read only: gone since, as the interest that goes on knows.
        return true
      }
      if body(change) { return true }
      known = entry.mark
      return false
    }
    return known
  }

  /// Whether a row belongs, or may: of one that the filter fails for nobody knows, so that followers are told that it failed.
  package func mayPass(_ row: RowRef) -> Bool {
    guard let filter else { return true }
    if case .drop = filter.run(row) { return false }
    return true
  }

  // MARK: Taking changes in

  /// Marks the keys that left: first those of a step, so that a key which another row took over is marked as present.
  func markGone(_ change: RecordedChange, _ hasher: RowHasher) {
    guard let gone = goneKey(change) else { return }
    dirty.mark(gone.key, hash: hasher.hash(gone.key), goneKey: keyJSON(of: gone.row))
  }

  /// A row's key as the followers are told it.
  package func keyJSON(of row: RowRef) -> [UInt8] {
    view.keyJSON(of: row, quotesBigNumbers: quotesBigNumbers)
  }

  func markPresent(_ change: RecordedChange, _ hasher: RowHasher) {
    guard presentRow(change) != nil else { return }
    dirty.mark(change.key, hash: hasher.hash(change.key), goneKey: nil)
  }

  /// The key under which nothing is left that may pass, and the row that it had.
  func goneKey(_ change: RecordedChange) -> (key: RowRef, row: RowRef)? {
    guard let old = change.old, mayPass(old) else { return nil }
    if change.formerKey == nil, let new = change.new, mayPass(new) { return nil }
    return (change.formerKey ?? change.key, old)
  }

  /// The row that is there now and may pass, if there is something new about it.
  func presentRow(_ change: RecordedChange) -> RowRef? {
    guard let new = change.new, mayPass(new), !looksTheSame(change) else { return nil }
    return new
  }

  private func looksTheSame(_ change: RecordedChange) -> Bool {
    guard let appearance, change.formerKey == nil, change.copies == 1, let old = change.old,
      let new = change.new, mayPass(old), view.fault(of: old) == view.fault(of: new)
    else { return false }
    var (before, after): ([UInt8], [UInt8]) = ([], [])
    appearance.write(old, to: &before)
    appearance.write(new, to: &after)
    return before == after
  }

  /// Whether there are marks that followers have not been told of.
  var hasUntoldMarks: Bool { dirty.lastMark != toldMark }

  func tellFollowers() {
    toldMark = dirty.lastMark
    pruneIfWorthIt()
    // An interest that nobody follows is filled to be read.
    if !followers.isEmpty, dirty.goneCount > goneKeysMax { loseLaggards() }
    let called = listeners
    listeners.removeAll(keepingCapacity: true)
    for follower in called { follower.interestChanged() }
  }

  // MARK: Followers

  func add(_ follower: any InterestFollower) {
    follower.places.followers = followers.count
    followers.append(follower)
    listen(follower)
  }

  func remove(_ follower: any InterestFollower) {
    Self.remove(follower, from: &followers, at: \.followers)
    Self.remove(follower, from: &listeners, at: \.listeners)
  }

  private static func remove(
    _ follower: any InterestFollower, from list: inout [any InterestFollower],
    at place: WritableKeyPath<FollowerPlaces, Int>
  ) {
    let index = follower.places[keyPath: place]
    // One that was called stands among the listeners no more.
    guard index < list.count, list[index] === follower else { return }
    list.swapAt(index, list.count - 1)
    list.removeLast()
    if index < list.count { list[index].places[keyPath: place] = index }
  }

  /// Has a follower that was called, and knows everything again, called at the next change.
  package func listen(_ follower: any InterestFollower) {
    follower.places.listeners = listeners.count
    listeners.append(follower)
  }

  /// Lets go of followers that are so far behind that too much is kept for them.
  private func loseLaggards() {
    loseFollowers(behind: dirty.mark(behindAllButGone: goneKeysMax / 2))
  }

  private func loseFollowers(behind cut: UInt64) {
    for follower in followers where follower.knownMark < cut {
      follower.interestWasLost(.fellBehind)
    }
    prune()
  }

  /// Forgets what all followers know.
  package func prune() {
    dirty.prune(upTo: followers.reduce(dirty.lastMark) { min($0, $1.knownMark) })
    slotsBeforePruning = max(Self.slotsMin, 2 * dirty.slotCount)
  }

  private func pruneIfWorthIt() {
    if !followers.isEmpty, dirty.slotCount > slotsBeforePruning { prune() }
  }

  // MARK: Memory

  /// What it holds, in slots of marks.
  var markCount: Int { dirty.slotCount }

  /// Has the budget know how many marks it holds now.
  func countMarks() {
    budget?.count += dirty.slotCount - counted
    counted = dirty.slotCount
  }

  /// Lets go of followers that would have to be told more than half of its marks.
  func loseHalf() { loseFollowers(behind: dirty.middleMark) }
}

/// How many marks the interests of one thread hold, and may hold.
final class MarkBudget {
  @exclusivity(unchecked) var count = 0
  let max: Int

  init(max: Int) { self.max = max }

  var isExceeded: Bool { count > max }
}

/// Somebody who is told of an interest's changes, on the thread of both.
package protocol InterestFollower: AnyObject {
  /// The number of the last change that it has dealt with.
  var knownMark: UInt64 { get }
  /// The interest's own: others leave it as it is.
  var places: FollowerPlaces { get set }

  /// There is more than it knew of. It is called once, and again after ``Interest/listen(_:)`` only: one that is behind anyway
  /// costs nothing while changes go on.
  func interestChanged()

  /// What changed can't be told any more: everything has to be read anew.
  func interestWasLost(_ loss: InterestLoss)
}

/// Where a follower stands among the others of its interest, so that it leaves without being looked for.
package struct FollowerPlaces {
  fileprivate var followers = 0
  fileprivate var listeners = 0

  package init() {}
}

/// Why an interest can't be followed any further.
package enum InterestLoss: String, Sendable {
  /// More changed at once than is kept.
  case tooManyChanges = "too_many_changes"
  /// The follower, or its thread, was too far behind.
  case fellBehind = "fell_behind"
  /// The view is another one now, or gone.
  case viewChanged = "view_changed"
}
