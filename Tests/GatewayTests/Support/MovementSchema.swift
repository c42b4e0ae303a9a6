/// Movements of products between warehouses, and three views that build on each other.
///
/// The acceptance data has tables of the same names and columns, so that one workload serves both.
enum MovementSchema {
  static let views = ["current_stock_levels", "low_stock_alerts", "multi_warehouse_inventory"]

  /// The acceptance case where there is one, else our own.
  static func sql() throws -> String {
    AcceptanceCases.isThere ? try AcceptanceCases.sql("orders.sql") : own
  }

  static let own = """
    CREATE TABLE products (product_id int PRIMARY KEY, product_name text, category text,
      reorder_threshold int, unit_price numeric);
    CREATE TABLE warehouses (warehouse_id int PRIMARY KEY, warehouse_name text, region text);
    CREATE TABLE order_events (event_id int, event_type text, product_id int, warehouse_id int,
      quantity int, event_time timestamptz);
    INSERT INTO products SELECT i, 'Product ' || i, CASE i % 2 WHEN 0 THEN 'A' ELSE 'B' END,
      i * 10, i * 1.25 FROM generate_series(1, 5) i;
    INSERT INTO warehouses SELECT i, 'Warehouse ' || i, 'Region ' || i FROM generate_series(1, 3) i;
    INSERT INTO order_events SELECT p * 10 + w, 'RECEIVED', p, w, p * w * 5,
      timestamptz '2026-01-05 08:00+00' + p * interval '1 minute'
      FROM generate_series(1, 5) p, generate_series(1, 3) w;
    CREATE VIEW current_stock_levels AS
      SELECT p.product_id, p.product_name, e.warehouse_id, w.warehouse_name, p.reorder_threshold,
        sum(CASE e.event_type WHEN 'SHIPPED' THEN -e.quantity WHEN 'RECEIVED' THEN e.quantity
          WHEN 'RETURNED' THEN e.quantity ELSE 0 END) AS current_stock,
        max(e.event_time) AS last_updated, count(*) AS events, avg(e.quantity) AS mean_quantity,
        min(p.unit_price) AS price
      FROM order_events e JOIN products p USING (product_id) JOIN warehouses w USING (warehouse_id)
      GROUP BY p.product_id, e.warehouse_id, w.warehouse_name;
    CREATE VIEW low_stock_alerts AS
      SELECT product_id, warehouse_name, current_stock, reorder_threshold - current_stock AS missing,
        CASE WHEN current_stock <= 0 THEN 'OUT' WHEN current_stock < reorder_threshold * 0.5
          THEN 'LOW' ELSE 'WATCH' END AS severity
      FROM current_stock_levels WHERE current_stock < reorder_threshold;
    CREATE VIEW multi_warehouse_inventory AS
      SELECT product_id, product_name, count(DISTINCT warehouse_id) AS warehouses,
        sum(current_stock) AS total, min(current_stock) AS least, max(current_stock) AS most,
        avg(current_stock) AS mean, bool_and(current_stock > 0) AS everywhere
      FROM current_stock_levels GROUP BY product_id, product_name
      HAVING count(*) FILTER (WHERE current_stock IS NOT NULL) > 0;
    """
}
