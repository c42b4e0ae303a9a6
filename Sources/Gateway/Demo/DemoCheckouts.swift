/// Sales whose units are held before they are paid for: some in a few, each for a while.
struct DemoCheckouts {
  struct Checkout {
    let hold: String
    let location: Int
    let lines: [ShopTransaction.Line]
    /// Whether it ends with a sale.
    let isBought: Bool
    /// The number of transactions after which it ends.
    fileprivate let due: Int
  }

  /// Longer than any checkout takes at the usual rate.
  static let ttl = "2m"
  private static let openMax = 20

  private var open: [Checkout] = []
  private var transactions = 0
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  /// Whether the next sale is to be held first.
  mutating func wantsSale() -> Bool {
    open.count < Self.openMax && Int.random(in: 0..<4, using: &random) == 0
  }

  mutating func begin(_ hold: String, _ location: Int, _ lines: [ShopTransaction.Line]) {
    open.append(
      Checkout(
        hold: hold, location: location, lines: lines,
        isBought: Int.random(in: 0..<3, using: &random) > 0,
        due: transactions + Int.random(in: 100...600, using: &random)))
  }

  /// What is to end now, before another transaction.
  mutating func next() -> Checkout? {
    transactions += 1
    return open.firstIndex { $0.due <= transactions }.map { open.remove(at: $0) }
  }
}

extension DemoCheckouts.Checkout {
  /// What ends it: the sale and the end of its hold in one transaction, or its units are free again.
  var sql: String {
    isBought
      ? """
      BEGIN;
      \(ShopTransaction.sale(location: location, lines: lines).sql);
      SELECT onhand.settle('\(hold)');
      COMMIT
      """ : "SELECT onhand.release('\(hold)')"
  }
}
