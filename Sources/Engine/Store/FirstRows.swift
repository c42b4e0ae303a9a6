/// The first rows of a view in an order, found in one pass without sorting the rest.
package struct FirstRows {
  private let limit: Int
  private let order: RowOrder
  /// A heap with the last of the rows kept on top.
  private var heap: [RowVersion] = []

  package init(limit: Int, order: RowOrder) {
    self.limit = limit
    self.order = order
  }

  package mutating func offer(_ version: RowVersion) {
    if heap.count < limit {
      heap.append(version)
      siftUp()
    } else if limit > 0, order.precedes(version.row, heap[0].row) {
      heap[0] = version
      siftDown()
    }
  }

  package var sorted: [RowVersion] { heap.sorted { order.precedes($0.row, $1.row) } }

  private mutating func siftUp() {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard order.precedes(heap[parent].row, heap[child].row) else { return }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      var last = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if order.precedes(heap[last].row, heap[child].row) { last = child }
      }
      guard last != parent else { return }
      heap.swapAt(parent, last)
      parent = last
    }
  }
}
