import TestSupport

/// Random transactions over ``MovementSchema``, the same for the same seed.
///
/// Keys that match nothing, NULLs, changed keys, rows moved between groups, statements over many rows, savepoints,
/// rollbacks and truncation are all in it.
struct MovementWorkload: RandomWorkload {
  var random: SeededRandom
  private var nextEvent = 10_000
  private var nextProduct = 100
  private var nextWarehouse = 100

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func statement() -> String {
    switch random.number(0...29) {
    case 0...8: return insertEvents()
    case 9...12: return updateEvents()
    case 13...15: return deleteEvents()
    case 16: return transfer()
    case 17...20: return changeProduct()
    case 21...23: return changeWarehouse()
    case 24: return "DELETE FROM products WHERE product_id = \(product())"
    case 25: return "DELETE FROM warehouses WHERE warehouse_id = \(warehouse())"
    case 26, 27: return insertReference()
    case 28: return random.oneIn(6) ? "TRUNCATE order_events" : insertMany()
    default: return random.oneIn(8) ? "TRUNCATE warehouses" : insertMany()
    }
  }

  // MARK: Events

  private mutating func insertEvents() -> String {
    let rows = (0..<random.number(1...4)).map { _ in event() }.joined(separator: ", ")
    return "INSERT INTO order_events VALUES \(rows)"
  }

  private mutating func event() -> String {
    nextEvent += 1
    return "(\(nextEvent), \(type()), \(product()), \(warehouse()), \(quantity()), \(time()))"
  }

  private mutating func insertMany() -> String {
    let count = random.number(2...60)
    nextEvent += 100
    return """
      INSERT INTO order_events SELECT \(nextEvent - 100) + i, \(type()), 1 + i % 7, 1 + i % 4, i,
      timestamptz '2026-02-01 00:00+00' + i * interval '1 minute' FROM generate_series(1, \(count)) i
      """
  }

  private mutating func updateEvents() -> String {
    let change =
      switch random.number(0...5) {
      case 0: "quantity = \(quantity())"
      case 1: "event_type = \(type())"
      case 2: "product_id = \(product())"
      case 3: "warehouse_id = \(warehouse())"
      case 4: "event_time = \(time())"
      default: "quantity = quantity + 1, event_id = event_id + 1"
      }
    return "UPDATE order_events SET \(change) WHERE \(someEvents())"
  }

  private mutating func deleteEvents() -> String {
    "DELETE FROM order_events WHERE \(someEvents())"
  }

  private mutating func transfer() -> String {
    nextEvent += 2
    let product = product()
    let quantity = random.number(1...20)
    return """
      INSERT INTO order_events VALUES
      (\(nextEvent - 1), 'SHIPPED', \(product), 1, \(quantity), \(time())),
      (\(nextEvent), 'RECEIVED', \(product), 2, \(quantity), \(time()))
      """
  }

  private mutating func someEvents() -> String {
    switch random.number(0...4) {
    case 0: "event_id % \(random.number(2...40)) = 1"
    case 1: "product_id = \(product()) AND warehouse_id = \(warehouse())"
    case 2: "event_time IS NULL"
    case 3: "product_id = \(product()) AND event_id % 3 = \(random.number(0...2))"
    default: "event_id = \(random.number(1...nextEvent))"
    }
  }

  // MARK: References

  private mutating func changeProduct() -> String {
    let change =
      switch random.number(0...5) {
      case 0: "product_name = \(name("Product"))"
      case 1: "reorder_threshold = \(random.oneIn(8) ? "NULL" : "\(random.number(0...300))")"
      case 2: "category = \(name("Category"))"
      case 3:
        "unit_price = \(random.oneIn(6) ? "NULL" : "\(random.number(1...9)).\(random.pick(["5", "50", "25", "0"]))")"
      case 4: "product_id = \(newProduct())"
      default: "product_name = product_name"
      }
    return "UPDATE products SET \(change) WHERE product_id = \(product())"
  }

  private mutating func changeWarehouse() -> String {
    let change =
      switch random.number(0...2) {
      case 0: "warehouse_name = \(name("Warehouse"))"
      case 1: "region = \(name("Region"))"
      default: "warehouse_id = \(newWarehouse())"
      }
    return "UPDATE warehouses SET \(change) WHERE warehouse_id = \(warehouse())"
  }

  /// Brings back a deleted one, or adds a new one.
  private mutating func insertReference() -> String {
    if random.oneIn(2) {
      let id = random.oneIn(2) ? random.number(1...7) : newProduct()
      return """
        INSERT INTO products VALUES (\(id), \(name("Product")), 'New', \(random.number(0...99)), 1.5)
        ON CONFLICT DO NOTHING
        """
    }
    let id = random.oneIn(2) ? random.number(1...4) : newWarehouse()
    return """
      INSERT INTO warehouses VALUES (\(id), \(name("Warehouse")), 'New') ON CONFLICT DO NOTHING
      """
  }

  private mutating func newProduct() -> Int {
    nextProduct += 1
    return nextProduct
  }

  private mutating func newWarehouse() -> Int {
    nextWarehouse += 1
    return nextWarehouse
  }

  // MARK: Values

  private mutating func product() -> Int {
    random.oneIn(5) ? random.number(100...nextProduct) : random.number(1...7)
  }

  private mutating func warehouse() -> Int {
    random.oneIn(5) ? random.number(100...nextWarehouse) : random.number(1...4)
  }

  private mutating func quantity() -> String {
    random.oneIn(12) ? "NULL" : "\(random.number(-5...200))"
  }

  private mutating func type() -> String {
    random.pick(["'RECEIVED'", "'RECEIVED'", "'SHIPPED'", "'RETURNED'", "'COUNTED'", "NULL"])
  }

  private mutating func time() -> String {
    random.oneIn(10)
      ? "NULL" : "'2026-01-\(random.number(10...28)) 10:00:\(random.number(10...59)).5+00'"
  }

  /// Some need escaping in JSON; few, so that they repeat.
  private mutating func name(_ prefix: String) -> String {
    random.pick([
      "'\(prefix) ä'", "'\(prefix) \"q\"'", "E'\(prefix)\\t\\\\'", "'\(prefix)'", "''", "NULL",
    ])
  }
}
