/// Decides what happens next in the demo shop.
///
/// A value, driven by the caller: ``next()`` proposes a transaction, ``committed(_:order:)`` takes note of it. The same seed
/// over the same stock gives the same transactions. Popular items sell out faster than they are replenished, now and then,
/// so that alerts come, worsen and go.
struct ShopWorkload {
  struct Location: Equatable {
    let id: Int
    let isWarehouse: Bool
    let region: String
  }

  struct Pair: Hashable {
    let item: Int
    let location: Int
  }

  /// What the shop looks like to begin with.
  struct Stock {
    var reorderPoints: [Int: Int] = [:]
    var locations: [Location] = []
    var onHand: [Pair: Int] = [:]
  }

  private struct Replenishment {
    let pair: Pair
    /// The number of transactions after which it arrives.
    let due: Int
  }

  private var stock: Stock
  private var random: SeededGenerator
  /// Most popular first.
  private let items: [Int]
  private let popularity: [Double]
  private var transactions = 0
  private var replenishments: [Replenishment] = []
  /// What can still be returned or cancelled.
  private var recentOrders: [ShopTransaction.Order] = []

  private static let recentOrdersMax = 200

  init(stock: Stock, seed: UInt64) {
    self.stock = stock
    random = SeededGenerator(seed: seed)
    // Sorted first: a dictionary's order differs from process to process.
    items = stock.reorderPoints.keys.sorted().shuffled(using: &random)
    // Zipf's law, a little flattened: few items make most of the sales.
    popularity = items.indices.reduce(into: []) { sums, rank in
      sums.append((sums.last ?? 0) + 1 / Double(rank + 2))
    }
    for pair in stock.onHand.keys.sorted(by: Self.isBefore) { replenishIfLow(pair) }
  }

  /// What should happen now; nil if there is nothing to sell and nowhere to sell it.
  mutating func next() -> ShopTransaction? {
    guard !items.isEmpty, !stock.locations.isEmpty else { return nil }
    if let arrival = arrival() { return arrival }
    let proposal: ShopTransaction? =
      switch Int.random(in: 0..<1000, using: &random) {
      case ..<840: sale()
      case ..<890: giveBack()
      case ..<930: cancellation()
      case ..<970: rebalancing()
      case ..<985: .priceChange(item: popularItem(), percent: percent(upTo: 8))
      case ..<995: .reorderPointChange(item: popularItem(), percent: percent(upTo: 20))
      default: .rename(item: popularItem())
      }
    return proposal ?? delivery()
  }

  /// - Parameter order: the id that a sale was given.
  mutating func committed(_ transaction: ShopTransaction, order: Int64? = nil) {
    transactions += 1
    switch transaction {
    case .sale(let location, let lines):
      for line in lines { move(line.item, location, -line.quantity) }
      if let order { remember(.init(id: order, location: location, lines: lines)) }
    case .cancellation(let order):
      for line in order.lines { move(line.item, order.location, line.quantity) }
      recentOrders.removeAll { $0.id == order.id }
    case .giveBack(let order, let line, let quantity):
      move(order.lines[line].item, order.location, quantity)
      recentOrders.removeAll { $0.id == order.id }
    case .receipt(let location, let line):
      arrived(Pair(item: line.item, location: location))
      move(line.item, location, line.quantity)
    case .transfer(let from, let to, let line):
      arrived(Pair(item: line.item, location: to))
      move(line.item, from, -line.quantity)
      move(line.item, to, line.quantity)
    case .reorderPointChange(let item, let percent):
      let old = stock.reorderPoints[item] ?? 5
      stock.reorderPoints[item] = max(5, old * (100 + percent) / 100)
    case .priceChange, .rename: break
    }
  }

  // MARK: Choosing

  private mutating func sale() -> ShopTransaction? {
    guard let location = stock.locations.randomElement(using: &random) else { return nil }
    // Two lines are more usual than four.
    let count = min(
      Int.random(in: 1...4, using: &random), Int.random(in: 1...4, using: &random))
    var lines: [ShopTransaction.Line] = []
    for _ in 0..<count {
      let item = popularItem()
      let left = onHand(item, location.id)
      guard left > 0, !lines.contains(where: { $0.item == item }) else { continue }
      let wanted = [1, 1, 1, 2, 2, 3, 5].randomElement(using: &random) ?? 1
      lines.append(.init(item: item, quantity: min(wanted, left)))
    }
    return lines.isEmpty ? nil : .sale(location: location.id, lines: lines)
  }

  private mutating func giveBack() -> ShopTransaction? {
    guard let order = recentOrders.randomElement(using: &random),
      let line = order.lines.indices.randomElement(using: &random)
    else { return nil }
    let quantity = Int.random(in: 1...order.lines[line].quantity, using: &random)
    return .giveBack(order, line: line, quantity: quantity)
  }

  private mutating func cancellation() -> ShopTransaction? {
    recentOrders.randomElement(using: &random).map { .cancellation($0) }
  }

  /// From where most is to where least is.
  private mutating func rebalancing() -> ShopTransaction? {
    let item = popularItem()
    let byStock = stock.locations.sorted { onHand(item, $0.id) < onHand(item, $1.id) }
    guard let poorest = byStock.first, let richest = byStock.last, poorest.id != richest.id else {
      return nil
    }
    let quantity = (onHand(item, richest.id) - onHand(item, poorest.id)) / 4
    guard quantity > 0 else { return nil }
    return .transfer(
      from: richest.id, to: poorest.id, .init(item: item, quantity: quantity))
  }

  private mutating func delivery() -> ShopTransaction? {
    guard let location = stock.locations.randomElement(using: &random) else { return nil }
    let item = popularItem()
    return .receipt(
      location: location.id, .init(item: item, quantity: stock.reorderPoints[item] ?? 1))
  }

  /// Binary search in the summed weights.
  private mutating func popularItem() -> Int {
    let point = Double.random(in: 0..<(popularity.last ?? 1), using: &random)
    var low = 0
    var high = popularity.count - 1
    while low < high {
      let middle = (low + high) / 2
      if popularity[middle] > point { high = middle } else { low = middle + 1 }
    }
    return items[low]
  }

  private mutating func percent(upTo limit: Int) -> Int {
    let size = Int.random(in: 1...limit, using: &random)
    return Bool.random(using: &random) ? size : -size
  }

  // MARK: Replenishing

  private mutating func replenishIfLow(_ pair: Pair) {
    guard onHand(pair.item, pair.location) < stock.reorderPoints[pair.item] ?? 0,
      !replenishments.contains(where: { $0.pair == pair })
    else { return }
    // At 20 transactions a second, from 5 seconds to a minute.
    let delay = Int.random(in: 100...1200, using: &random)
    replenishments.append(Replenishment(pair: pair, due: transactions + delay))
  }

  private mutating func arrival() -> ShopTransaction? {
    guard let due = replenishments.first(where: { $0.due <= transactions }) else { return nil }
    let reorderPoint = stock.reorderPoints[due.pair.item] ?? 1
    let line = ShopTransaction.Line(
      item: due.pair.item, quantity: reorderPoint * Int.random(in: 2...4, using: &random))
    guard let source = warehouse(for: due.pair, having: line.quantity + reorderPoint) else {
      return .receipt(location: due.pair.location, line)
    }
    return .transfer(from: source, to: due.pair.location, line)
  }

  /// A store is supplied by a warehouse of its region; a warehouse, or a store whose warehouse has too little, from outside.
  private func warehouse(for pair: Pair, having quantity: Int) -> Int? {
    guard let store = stock.locations.first(where: { $0.id == pair.location }),
      !store.isWarehouse
    else { return nil }
    return stock.locations.first {
      $0.isWarehouse && $0.region == store.region && onHand(pair.item, $0.id) >= quantity
    }?.id
  }

  private mutating func arrived(_ pair: Pair) {
    replenishments.removeAll { $0.pair == pair }
  }

  // MARK: Keeping count

  private func onHand(_ item: Int, _ location: Int) -> Int {
    stock.onHand[Pair(item: item, location: location)] ?? 0
  }

  private mutating func move(_ item: Int, _ location: Int, _ quantity: Int) {
    let pair = Pair(item: item, location: location)
    stock.onHand[pair, default: 0] += quantity
    replenishIfLow(pair)
  }

  private mutating func remember(_ order: ShopTransaction.Order) {
    recentOrders.append(order)
    if recentOrders.count > Self.recentOrdersMax { recentOrders.removeFirst() }
  }

  private static func isBefore(_ a: Pair, _ b: Pair) -> Bool {
    (a.item, a.location) < (b.item, b.location)
  }
}
