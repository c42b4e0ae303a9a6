import Capture
import TestSupport

/// Outer joins in the places where views have them, over small tables in which much matches nothing.
enum OuterJoinSchema {
  static let views = [
    "stock", "held", "available", "chain", "on_condition", "where_condition", "unmatched",
    "duplicates", "unequal", "without_equality", "using_left", "right_side", "using_right",
    "using_full", "full_of_groups", "full_of_rows", "nested", "between_inner", "grouped",
    "grouped_stock", "parents", "amounts", "united", "only_left", "computed",
  ]

  static let sql = """
    CREATE TABLE products (id int PRIMARY KEY, name text, category int, parent int);
    CREATE TABLE warehouses (id int PRIMARY KEY, name text);
    CREATE TABLE movements (product int, warehouse int, qty int);
    CREATE TABLE holds (id int PRIMARY KEY, product int, warehouse int, qty int, state text);
    CREATE TABLE prices (product int, tier int, amount numeric);
    INSERT INTO products SELECT i, 'p' || i, i % 3, i / 2 FROM generate_series(1, 6) i;
    INSERT INTO warehouses SELECT i, 'w' || i FROM generate_series(1, 3) i;
    INSERT INTO movements SELECT 1 + i % 7, 1 + i % 4, i FROM generate_series(1, 30) i;
    INSERT INTO holds SELECT i, 1 + i % 8, 1 + i % 3, i % 5, 'held' FROM generate_series(1, 12) i;
    INSERT INTO prices SELECT i % 6, i % 3, i * 0.50 FROM generate_series(1, 10) i;

    CREATE VIEW stock AS
      SELECT product, warehouse, sum(qty) AS on_hand FROM movements GROUP BY product, warehouse;
    CREATE VIEW held AS
      SELECT product, warehouse, sum(qty) AS held, count(*) AS holds FROM holds
      WHERE state = 'held' GROUP BY product, warehouse;
    CREATE VIEW available AS
      SELECT s.product, s.warehouse, s.on_hand, coalesce(h.held, 0) AS held,
        s.on_hand - coalesce(h.held, 0) AS available
      FROM stock s LEFT JOIN held h ON h.product = s.product AND h.warehouse = s.warehouse;
    CREATE VIEW chain AS
      SELECT p.id, p.name, s.warehouse, s.on_hand, w.name AS place, r.amount
      FROM products p LEFT JOIN stock s ON s.product = p.id
        LEFT JOIN warehouses w ON w.id = s.warehouse
        LEFT JOIN prices r ON r.product = p.id AND r.tier = 1;
    CREATE VIEW on_condition AS
      SELECT p.id, h.id AS hold, h.qty FROM products p
        LEFT JOIN holds h ON h.product = p.id AND h.state = 'held' AND p.category > 0;
    CREATE VIEW where_condition AS
      SELECT p.id, h.id AS hold, h.qty FROM products p LEFT JOIN holds h ON h.product = p.id
      WHERE (h.state = 'held' OR h.id IS NULL) AND p.category > 0;
    CREATE VIEW unmatched AS
      SELECT p.id, p.name FROM products p LEFT JOIN stock s ON s.product = p.id
      WHERE s.product IS NULL;
    CREATE VIEW duplicates AS
      SELECT p.name, r.amount FROM products p LEFT JOIN prices r ON r.product = p.id;
    CREATE VIEW unequal AS
      SELECT p.id, h.id AS hold FROM products p
        LEFT JOIN holds h ON h.product = p.id AND h.qty > p.category AND h.qty <> 4;
    CREATE VIEW without_equality AS
      SELECT w.id, r.tier, r.amount FROM warehouses w LEFT JOIN prices r ON r.tier > w.id;
    CREATE VIEW using_left AS
      SELECT product, warehouse, on_hand, qty FROM stock LEFT JOIN holds USING (product, warehouse);
    CREATE VIEW right_side AS
      SELECT p.id, p.name, h.id AS hold, h.qty FROM holds h RIGHT JOIN products p ON p.id = h.product;
    CREATE VIEW using_right AS
      SELECT product, id, amount, prices.product IS NULL AS is_unpriced
      FROM prices RIGHT JOIN holds USING (product);
    CREATE VIEW using_full AS
      SELECT product, warehouse, s.on_hand, h.held, s.product AS of_stock
      FROM stock s FULL JOIN held h USING (product, warehouse) WHERE product IS DISTINCT FROM 3;
    CREATE VIEW full_of_groups AS
      SELECT a.product AS one, a.total, b.product AS other, b.amount
      FROM (SELECT product, sum(qty) AS total FROM movements GROUP BY product) a
        FULL JOIN (SELECT product, sum(amount) AS amount FROM prices GROUP BY product) b
        ON a.product = b.product;
    CREATE VIEW full_of_rows AS
      SELECT h.id, r.product, r.tier, r.amount FROM holds h FULL JOIN prices r ON r.product = h.product;
    CREATE VIEW nested AS
      SELECT p.id, h.id AS hold, w.name FROM products p
        LEFT JOIN (holds h JOIN warehouses w ON w.id = h.warehouse AND h.qty > 0) ON h.product = p.id;
    CREATE VIEW between_inner AS
      SELECT s.product, s.warehouse, h.id AS hold, w.name, x.amount
      FROM stock s JOIN products p ON p.id = s.product
        LEFT JOIN holds h ON h.product = p.id AND h.warehouse = s.warehouse
        JOIN warehouses w ON w.id = s.warehouse
        LEFT JOIN prices x ON x.product = h.qty AND x.tier = w.id
      WHERE coalesce(h.qty, 1) > 0 AND p.category IS NOT NULL;
    CREATE VIEW grouped AS
      SELECT p.category, count(*) AS n, count(h.id) AS holds, sum(h.qty) AS qty,
        count(DISTINCT h.warehouse) AS places, max(h.qty) AS most,
        count(*) FILTER (WHERE h.id IS NULL) AS without
      FROM products p LEFT JOIN holds h ON h.product = p.id AND h.state = 'held' GROUP BY p.category;
    CREATE VIEW grouped_stock AS
      SELECT w.id, w.name, sum(coalesce(s.on_hand, 0)) AS on_hand, avg(s.on_hand) AS mean
      FROM warehouses w LEFT JOIN stock s ON s.warehouse = w.id GROUP BY w.id
      HAVING count(s.product) < 6;
    CREATE VIEW parents AS
      SELECT a.id, b.name AS parent, c.name AS grandparent FROM products a
        LEFT JOIN (products b LEFT JOIN products c ON c.id = b.parent) ON b.id = a.parent;
    CREATE VIEW amounts AS
      SELECT a.product, a.tier, b.product AS other, b.tier AS below FROM prices a
        LEFT JOIN prices b ON a.amount = b.amount AND a.tier < b.tier;
    CREATE VIEW united AS
      SELECT p.name, h.qty FROM products p LEFT JOIN holds h ON h.product = p.id
      UNION ALL SELECT w.name, NULL FROM warehouses w LEFT JOIN prices r ON r.tier = w.id
      WHERE r.tier IS NULL;
    CREATE VIEW only_left AS
      SELECT p.id, p.name FROM products p LEFT JOIN prices r ON r.product = p.id AND p.category = 1;
    CREATE VIEW computed AS
      SELECT DISTINCT p.category, coalesce(h.state, 'none') AS state
      FROM products p LEFT JOIN holds h ON h.product + 1 = p.id + p.category;
    """
}

/// Random transactions over ``OuterJoinSchema``, the same for the same seed.
///
/// Both sides of the joins change in one transaction; ids are few, so that partners come and go.
struct OuterJoinWorkload: RandomWorkload {
  var random: SeededRandom
  private var nextHold = 1_000

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func statement() -> String {
    switch random.number(0...19) {
    case 0, 1: return "INSERT INTO movements VALUES (\(id()), \(id()), \(quantity()))"
    case 2: return "DELETE FROM movements WHERE product = \(random.number(1...8))"
    case 3: return "UPDATE movements SET \(change(["product", "warehouse", "qty"])) WHERE \(some())"
    case 4, 5, 6:
      nextHold += 1
      return "INSERT INTO holds VALUES (\(nextHold), \(id()), \(id()), \(quantity()), \(state()))"
    case 7: return "DELETE FROM holds WHERE \(random.oneIn(2) ? some() : "id % 3 = 1")"
    case 8: return "UPDATE holds SET state = \(state()) WHERE \(some())"
    case 9:
      return
        "UPDATE holds SET \(change(["product", "warehouse", "qty"])) WHERE id % 4 = \(random.number(0...3))"
    case 10, 11:
      return
        "INSERT INTO products VALUES (\(random.number(1...9)), \(name("p")), \(id()), \(id())) ON CONFLICT DO NOTHING"
    case 12: return "DELETE FROM products WHERE id = \(random.number(1...9))"
    case 13:
      return
        "UPDATE products SET name = \(name("p")), \(change(["category", "parent"])) WHERE id = \(random.number(1...9))"
    case 14:
      return
        "INSERT INTO warehouses VALUES (\(random.number(1...5)), \(name("w"))) ON CONFLICT DO NOTHING"
    case 15: return "DELETE FROM warehouses WHERE id = \(random.number(1...5))"
    case 16, 17:
      return
        "INSERT INTO prices SELECT \(id()), \(id()), \(amount()) FROM generate_series(1, \(random.number(1...2)))"
    case 18:
      return random.oneIn(2)
        ? "DELETE FROM prices WHERE product = \(random.number(0...8))"
        : "UPDATE prices SET \(change(["product", "tier"])), amount = \(amount()) WHERE \(some())"
    default:
      guard random.oneIn(8) else {
        return
          "UPDATE products SET id = (SELECT max(id) + 1 FROM products) WHERE id = \(random.number(1...9))"
      }
      return "TRUNCATE \(random.pick(["movements", "holds", "prices", "products", "warehouses"]))"
    }
  }

  private mutating func id() -> String { random.oneIn(7) ? "NULL" : "\(random.number(0...8))" }

  private mutating func quantity() -> String {
    random.oneIn(9) ? "NULL" : "\(random.number(-3...9))"
  }

  private mutating func state() -> String { random.pick(["'held'", "'held'", "'gone'", "NULL"]) }

  private mutating func amount() -> String { random.pick(["1", "1.0", "1.00", "2.5", "NULL"]) }

  private mutating func name(_ prefix: String) -> String {
    random.pick(["'\(prefix)'", "'\(prefix)1'", "NULL"])
  }

  private mutating func some() -> String { "product = \(random.number(0...8))" }

  private mutating func change(_ columns: [String]) -> String {
    "\(random.pick(columns)) = \(id())"
  }
}
