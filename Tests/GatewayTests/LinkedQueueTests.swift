import TestSupport
import Testing

@testable import Gateway

/// Beside an array, which is slow and obviously right.
struct LinkedQueueTests {
  private final class Member: LinkedQueueMember {
    let number: Int
    var isQueued = false
    var nextQueued: Member?

    init(_ number: Int) { self.number = number }
  }

  @Test func keepsOrderAsAnArrayDoes() {
    var random = SeededRandom()
    let members = (0..<6).map(Member.init)
    var queue = LinkedQueue<Member>()
    var array: [Int] = []
    for _ in 0..<20_000 {
      let member = members[random.number(0...5)]
      switch random.number(0...9) {
      case 0...4:
        #expect(queue.append(member) == !array.contains(member.number))
        if !array.contains(member.number) { array.append(member.number) }
      case 5:
        guard !member.isQueued else { continue }
        queue.prepend(member)
        array.insert(member.number, at: 0)
      case 6:
        queue.remove(member)
        array.removeAll { $0 == member.number }
      case 7 where random.oneIn(20):
        queue.removeAll()
        array = []
      default:
        #expect(queue.popFirst()?.number == (array.isEmpty ? nil : array.removeFirst()))
      }
      #expect(members.filter(\.isQueued).map(\.number) == array.sorted())
    }
  }

  @Test func keepsNobodyItHasLetGo() {
    var queue = LinkedQueue<Member>()
    weak var kept: Member?
    do {
      let first = Member(0)
      let second = Member(1)
      kept = second
      _ = queue.append(first)
      _ = queue.append(second)
      #expect(queue.popFirst() === first)
      #expect(first.nextQueued == nil)
    }
    #expect(kept != nil)
    queue.removeAll()
    #expect(kept == nil)
  }
}
