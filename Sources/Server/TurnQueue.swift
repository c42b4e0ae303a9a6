/// The sessions of a worker that may have something to tell, in the order of their turns; each stands in it at most
/// twice: ready, and in the middle of much.
struct TurnQueue {
  private var tokens: [ConnectionToken] = []
  private var head = 0

  var isEmpty: Bool { head == tokens.count }
  var count: Int { tokens.count - head }

  mutating func append(_ token: ConnectionToken) {
    tokens.append(token)
  }

  mutating func popFirst() -> ConnectionToken? {
    guard head < tokens.count else { return nil }
    defer {
      head += 1
      compact()
    }
    return tokens[head]
  }

  /// Moves what is left to the front, once it is less than what is gone: each token moves once on average.
  private mutating func compact() {
    guard head * 2 > tokens.count else { return }
    tokens.removeFirst(head)
    head = 0
  }
}
