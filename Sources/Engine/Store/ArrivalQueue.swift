/// First in, first out, over one array. What was taken out is let go of at once.
///
/// Public, since the compiler takes bodies of a generic type over to other targets only then; without, each use there would look up
/// what it would know.
@frozen
public struct ArrivalQueue<Element>: RandomAccessCollection {
  /// Nil before `head`.
  @usableFromInline var elements: [Element?] = []
  @usableFromInline var head = 0

  @inlinable public init() {}

  @inlinable public var startIndex: Int { 0 }
  @inlinable public var isEmpty: Bool { head == elements.count }
  @inlinable public var endIndex: Int { elements.count - head }

  /// - Parameter offset: from the first on.
  @inlinable public subscript(offset: Int) -> Element {
    get {
      guard let element = elements[head + offset] else { preconditionFailure("taken out") }
      return element
    }
    set { elements[head + offset] = newValue }
  }

  @inlinable public mutating func append(_ element: Element) { elements.append(element) }

  @inlinable public mutating func removeAll() {
    elements = []
    head = 0
  }

  /// Takes out the first, of which there must be one.
  @inlinable @discardableResult
  public mutating func removeFirst() -> Element {
    let first = self[0]
    elements[head] = nil
    head += 1
    if head == elements.count {
      elements.removeAll(keepingCapacity: head < 64)
      head = 0
    } else if head > 64, head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return first
  }

  mutating func removeLast(_ count: Int) { elements.removeLast(count) }

  /// The first offset whose element, and all behind it, fulfil `condition`; ``count`` if none does.
  func firstOffset(where condition: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if condition(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension ArrivalQueue: Sendable where Element: Sendable {}
