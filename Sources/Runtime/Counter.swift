import Synchronization

/// A number that only grows, as metrics show it; any thread may add.
package final class Counter: Sendable {
  private let count = Atomic<Int>(0)

  package init() {}

  package func add(_ amount: Int = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

  package var value: Int { count.load(ordering: .relaxed) }
}

/// A number that goes up and down; any thread may change it.
package final class Gauge: Sendable {
  private let count = Atomic<Int>(0)

  package init() {}

  package func add(_ amount: Int = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

  package func subtract(_ amount: Int = 1) { count.wrappingSubtract(amount, ordering: .relaxed) }

  package func set(_ value: Int) { count.store(value, ordering: .relaxed) }

  package var value: Int { count.load(ordering: .relaxed) }
}
