/// One thing that happens in the demo shop, committed as one transaction.
enum ShopTransaction: Equatable {
  struct Line: Equatable {
    let item: Int
    let quantity: Int
  }

  struct Order: Equatable {
    let id: Int64
    let location: Int
    let lines: [Line]
  }

  case sale(location: Int, lines: [Line])
  /// The order never happened: its rows are deleted.
  case cancellation(Order)
  /// Some units of one line, counted from 0, come back.
  case giveBack(Order, line: Int, quantity: Int)
  case receipt(location: Int, Line)
  case transfer(from: Int, to: Int, Line)
  case priceChange(item: Int, percent: Int)
  case reorderPointChange(item: Int, percent: Int)
  case rename(item: Int)

  /// What carries it out; a sale's only row is the new order's id.
  var sql: String {
    switch self {
    case .sale(let location, let lines): Self.sale(location, lines)
    case .cancellation(let order):
      """
      DELETE FROM stock_movements WHERE order_id = \(order.id);
      DELETE FROM order_lines WHERE order_id = \(order.id);
      DELETE FROM orders WHERE order_id = \(order.id)
      """
    case .giveBack(let order, let line, let quantity):
      """
      INSERT INTO stock_movements (item_id, location_id, kind, quantity, order_id, line_no)
      VALUES (\(order.lines[line].item), \(order.location), 'return', \(quantity), \(order.id), \(line + 1))
      """
    case .receipt(let location, let line):
      """
      INSERT INTO stock_movements (item_id, location_id, kind, quantity)
      VALUES (\(line.item), \(location), 'receipt', \(line.quantity))
      """
    case .transfer(let from, let to, let line):
      """
      INSERT INTO stock_movements (item_id, location_id, kind, quantity)
      VALUES (\(line.item), \(from), 'transfer_out', \(line.quantity)),
        (\(line.item), \(to), 'transfer_in', \(line.quantity))
      """
    case .priceChange(let item, let percent):
      "UPDATE items SET price = round(price * \(100 + percent) / 100, 2) WHERE item_id = \(item)"
    case .reorderPointChange(let item, let percent):
      """
      UPDATE items SET reorder_point = greatest(5, reorder_point * \(100 + percent) / 100)
      WHERE item_id = \(item)
      """
    case .rename(let item):
      """
      UPDATE items SET name = CASE WHEN name LIKE '% (new edition)'
        THEN replace(name, ' (new edition)', '') ELSE name || ' (new edition)' END
      WHERE item_id = \(item)
      """
    }
  }

  private static func sale(_ location: Int, _ lines: [Line]) -> String {
    let values = lines.enumerated()
      .map { "(\($0.offset + 1), \($0.element.item), \($0.element.quantity))" }
      .joined(separator: ", ")
    return """
      WITH placed AS (
        INSERT INTO orders (location_id) VALUES (\(location)) RETURNING order_id
      ), lines AS (
        INSERT INTO order_lines (order_id, line_no, item_id, quantity, unit_price)
        SELECT order_id, line_no, item_id, quantity, price
        FROM placed, (VALUES \(values)) AS wanted (line_no, item_id, quantity) JOIN items USING (item_id)
        RETURNING order_id, line_no, item_id, quantity
      )
      INSERT INTO stock_movements (item_id, location_id, kind, quantity, order_id, line_no)
      SELECT item_id, \(location), 'sale', quantity, order_id, line_no FROM lines
      RETURNING order_id
      """
  }
}
