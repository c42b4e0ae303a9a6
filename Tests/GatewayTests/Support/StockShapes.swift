import TestSupport

/// The shapes that stock logic takes: signed movements united from several tables, views on views, promises by status, and
/// tables of every replica identity, partitioned and append-only ones among them.
enum StockShapes {
  static let views = ["stock", "short", "reorder", "promised", "daily", "recent", "available"]
  static let appendOnly = ["adjustments"]

  static let sql = """
    CREATE TABLE catalogue (item text PRIMARY KEY, title text, min_stock int, max_stock int,
      is_sold bool NOT NULL DEFAULT true);
    INSERT INTO catalogue SELECT 'item ' || i, 'Title ' || i, i * 4, i * 9 FROM generate_series(1, 6) i;
    CREATE TABLE receipts (id int PRIMARY KEY, item text, location text, qty int, note text);
    CREATE TABLE shipments (id int, item text, location text, qty int);
    CREATE TABLE adjustments (id int, item text, location text, qty int);
    CREATE TABLE returned (id int NOT NULL, item text, location text, qty int, state text);
    CREATE UNIQUE INDEX returned_key ON returned (id);
    ALTER TABLE returned REPLICA IDENTITY USING INDEX returned_key;
    CREATE TABLE orders (id int PRIMARY KEY, item text, location text, qty int, status text);
    CREATE TABLE holds (id int PRIMARY KEY, item text, location text, qty int, state text);
    CREATE TABLE sales (id int, day date, item text, qty int, PRIMARY KEY (id, day))
      PARTITION BY RANGE (day);
    CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE sales_2 (qty int, gone text, item text, day date NOT NULL, id int NOT NULL);
    ALTER TABLE sales_2 DROP gone;
    ALTER TABLE sales ATTACH PARTITION sales_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
    CREATE TABLE sales_3 PARTITION OF sales DEFAULT PARTITION BY HASH (id);
    CREATE TABLE sales_3a PARTITION OF sales_3 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE sales_3b PARTITION OF sales_3 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    ALTER TABLE sales_3b REPLICA IDENTITY FULL;
    INSERT INTO receipts SELECT i, 'item ' || 1 + i % 6, 'hub ' || 1 + i % 3, i % 20
      FROM generate_series(1, 40) i;
    INSERT INTO orders SELECT i, 'item ' || 1 + i % 6, 'hub ' || 1 + i % 3, 1 + i % 4,
      (ARRAY['open', 'paid', 'shipped'])[1 + i % 3] FROM generate_series(1, 20) i;
    INSERT INTO sales SELECT i, '2026-01-15'::date + i * 2, 'item ' || 1 + i % 6, i % 5
      FROM generate_series(1, 40) i;
    CREATE VIEW stock AS
      WITH movements AS (
        SELECT item, location, qty FROM receipts
        UNION ALL SELECT item, location, -qty FROM shipments
        UNION ALL SELECT item, location, qty FROM adjustments
        UNION ALL SELECT item, location, qty FROM returned WHERE state = 'sound')
      SELECT item, location, sum(qty) AS on_hand, count(*) AS movements FROM movements
      GROUP BY item, location;
    CREATE VIEW short AS
      SELECT item, sum(on_hand) AS total, count(*) AS places, min(on_hand) AS least FROM stock
      GROUP BY item HAVING sum(on_hand) < 60 OR count(*) > 2;
    CREATE VIEW reorder AS
      SELECT s.item, s.location, c.title, s.on_hand, c.min_stock - s.on_hand AS missing
      FROM stock s JOIN catalogue c ON c.item = s.item
      WHERE s.on_hand < c.min_stock AND c.is_sold;
    CREATE VIEW promised AS
      SELECT item, location, sum(CASE status WHEN 'open' THEN qty WHEN 'paid' THEN qty ELSE 0 END)
        AS promised, count(*) FILTER (WHERE status = 'paid') AS paid
      FROM orders WHERE status <> 'void' GROUP BY item, location;
    CREATE VIEW available AS
      SELECT s.item, s.location, s.on_hand, coalesce(h.held, 0) AS held,
        s.on_hand - coalesce(h.held, 0) - coalesce(p.promised, 0) AS available
      FROM stock s
        LEFT JOIN (SELECT item, location, sum(qty) AS held FROM holds WHERE state = 'held'
          GROUP BY item, location) h ON h.item = s.item AND h.location = s.location
        LEFT JOIN promised p ON (p.item, p.location) = (s.item, s.location) AND p.paid > 0;
    CREATE VIEW daily AS
      SELECT item, day, sum(qty) AS sold, min(qty) AS least, max(qty) AS most FROM sales
      GROUP BY item, day;
    CREATE VIEW recent AS SELECT s.id, s.day, s.qty, c.title
      FROM sales s JOIN catalogue c USING (item) WHERE s.day >= '2026-02-01' AND s.qty > 1;
    """
}

/// Random transactions over ``StockShapes``, the same for the same seed.
struct StockWorkload: RandomWorkload {
  var random: SeededRandom
  private var nextID = 1_000

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func statement() -> String {
    switch random.number(0...23) {
    case 0...4: insert("receipts", "'\(text())'")
    case 5...6: insert("shipments", nil)
    case 7...8: insert("adjustments", nil)
    case 9...10: insert("returned", random.pick(["'sound'", "'broken'", "NULL"]))
    case 11: "UPDATE receipts SET qty = qty + \(random.number(-3...9)) WHERE \(some())"
    case 12: "UPDATE shipments SET location = '\(location())', qty = \(quantity()) WHERE \(some())"
    case 13:
      "UPDATE returned SET state = \(random.pick(["'sound'", "'broken'"])), id = -id WHERE \(some())"
    case 14:
      "DELETE FROM \(random.pick(["receipts", "shipments", "returned", "orders", "holds"])) WHERE \(some())"
    case 15...16: insert("orders", "'\(status())'")
    case 17 where random.oneIn(2):
      random.oneIn(3)
        ? "UPDATE holds SET state = \(random.pick(["'held'", "'released'"])), qty = qty + 1 WHERE \(some())"
        : insert("holds", random.pick(["'held'", "'held'", "'released'"]))
    case 17: "UPDATE orders SET status = '\(status())' WHERE \(some())"
    case 18: catalogue()
    case 19...20: sale()
    // Rows move from one partition to another.
    case 21:
      "UPDATE sales SET day = '\(day())', qty = \(quantity()) WHERE \(some()) AND day > '2025-01-01'"
    case 22: "DELETE FROM sales WHERE \(some())"
    default: seldom()
    }
  }

  private mutating func seldom() -> String {
    switch random.number(0...11) {
    case 0: "TRUNCATE \(random.pick(["receipts", "shipments", "returned", "adjustments"]))"
    case 1: "TRUNCATE \(random.pick(["sales_1", "sales_2", "sales_3", "sales_3a"]))"
    case 2: "TRUNCATE sales, orders"
    default: sale()
    }
  }

  private mutating func insert(_ table: String, _ last: String?) -> String {
    let rows = (0..<random.number(1...4)).map { _ in
      nextID += 1
      let values = "\(nextID), '\(item())', '\(location())', \(quantity())"
      return "(\(values)\(last.map { ", \($0)" } ?? ""))"
    }
    return "INSERT INTO \(table) VALUES \(rows.joined(separator: ", "))"
  }

  private mutating func sale() -> String {
    nextID += 1
    return
      "INSERT INTO sales (id, day, item, qty) VALUES (\(nextID), '\(day())', '\(item())', \(quantity()))"
  }

  private mutating func catalogue() -> String {
    switch random.number(0...4) {
    case 0: "UPDATE catalogue SET min_stock = \(random.number(0...60)) WHERE item = '\(item())'"
    case 1: "UPDATE catalogue SET is_sold = NOT is_sold WHERE item = '\(item())'"
    case 2: "DELETE FROM catalogue WHERE item = '\(item())'"
    case 3: "UPDATE catalogue SET title = '\(text())' WHERE item = '\(item())'"
    default:
      "INSERT INTO catalogue VALUES ('\(item())', '\(text())', \(random.number(0...40)), 9) ON CONFLICT DO NOTHING"
    }
  }

  private mutating func some() -> String {
    switch random.number(0...3) {
    case 0: "id % \(random.number(2...30)) = 1"
    case 1: "item = '\(item())'"
    case 2: "item = '\(item())' AND id % 3 = \(random.number(0...2))"
    default: "id = \(random.number(1...nextID))"
    }
  }

  private mutating func item() -> String { "item \(random.number(1...8))" }
  private mutating func location() -> String { "hub \(random.number(1...4))" }
  private mutating func status() -> String { random.pick(["open", "paid", "shipped", "void"]) }
  private mutating func day() -> String {
    "2026-0\(random.number(1...4))-\(random.number(10...28))"
  }
  private mutating func quantity() -> String {
    random.oneIn(15) ? "NULL" : "\(random.number(-2...30))"
  }
  /// Now and then large enough to be kept out of line, and then left out of an update that does not change it.
  private mutating func text() -> String {
    random.oneIn(10)
      ? (0..<400).map { _ in "\(random.next())" }.joined() : "text \(random.number(1...99))"
  }
}
