/// Numbers with the time they are due, the earliest first; a binary heap.
struct DueQueue: Sendable {
  struct Entry: Sendable {
    let due: Int64
    let number: Int
  }

  private var heap: [Entry] = []

  var first: Entry? { heap.first }

  mutating func add(_ number: Int, due: Int64) {
    heap.append(Entry(due: due, number: number))
    var child = heap.count - 1
    while child > 0, isBefore(child, (child - 1) / 2) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() -> Entry {
    heap.swapAt(0, heap.count - 1)
    let first = heap.removeLast()
    var parent = 0
    while true {
      let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < heap.count }
      guard let least = children.min(by: { isBefore($0, $1) }), isBefore(least, parent) else {
        return first
      }
      heap.swapAt(parent, least)
      parent = least
    }
  }

  mutating func removeAll() { heap.removeAll() }

  private func isBefore(_ a: Int, _ b: Int) -> Bool {
    (heap[a].due, heap[a].number) < (heap[b].due, heap[b].number)
  }
}
