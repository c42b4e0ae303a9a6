/// Members in the order of their turns, each once.
///
/// They are linked to each other: an array would keep a single one, which is the usual case, in memory of its own.
struct LinkedQueue<Member: LinkedQueueMember> {
  private var first: Member?
  /// Kept by the one before it, or by `first`.
  private unowned(unsafe) var last: Member?

  var isEmpty: Bool { first == nil }

  /// Adds a member behind the others.
  ///
  /// - Returns: whether it was not there already.
  @discardableResult
  mutating func append(_ member: Member) -> Bool {
    guard !member.isQueued else { return false }
    member.isQueued = true
    if let last {
      last.nextQueued = member
    } else {
      first = member
    }
    last = member
    return true
  }

  /// Adds a member, which is not there, before the others.
  mutating func prepend(_ member: Member) {
    member.isQueued = true
    member.nextQueued = first
    if first == nil { last = member }
    first = member
  }

  mutating func popFirst() -> Member? {
    guard let member = first else { return nil }
    member.isQueued = false
    first = member.nextQueued
    member.nextQueued = nil
    if first == nil { last = nil }
    return member
  }

  /// Takes a member out, wherever it stands.
  mutating func remove(_ member: Member) {
    guard member.isQueued else { return }
    var others = LinkedQueue()
    while let next = popFirst() {
      if next !== member { others.append(next) }
    }
    self = others
  }

  mutating func removeAll() {
    while popFirst() != nil {}
  }
}

/// What can stand in one ``LinkedQueue``, which alone changes these.
protocol LinkedQueueMember: AnyObject {
  var isQueued: Bool { get set }
  /// The one behind it.
  var nextQueued: Self? { get set }
}
