import Capture
import Engine

/// A small shop with warehouses and stores, and the three views that keep an eye on its stock.
///
/// Ordinary tables and ordinary views, as a developer would write them: nothing in them knows of Onhand.
package enum DemoShop {
  /// The views worth keeping live, in the order that a visitor should meet them.
  package static let views = ["low_stock_alerts", "live_stock", "network_summary"]

  /// What of an item can be sold where, told by the stock itself, where no holds are taken.
  package static let availability = AvailabilityConfiguration(
    view: "live_stock",
    columns: AvailabilityColumns(
      item: "item_id", location: "location_id", onHand: "on_hand",
      lowStockThreshold: .column("reorder_point")))

  /// The view that `onhand init` makes over the stock, less what is held.
  static let holding = AvailabilityConfiguration(
    view: "availability",
    columns: AvailabilityColumns(
      item: "item_id", location: "location_id", onHand: "on_hand", held: "held",
      available: "available", lowStockThreshold: .column("reorder_point")))

  /// Puts the shop into the configured database, as `onhand init --availability-from live_stock` does, and serves it with holds.
  static func prepare(_ configuration: inout Configuration) throws {
    configuration.views = (views + [holding.view]).map { CaptureConfiguration.View(name: $0) }
    configuration.availability = holding
    configuration.holds = HoldSettings()
    try install(on: PostgresConnection(configuration.database))
    var capture = configuration.capture
    capture.holds?.stock = availability.view
    _ = try Initializer(capture).prepare()
  }

  /// Makes tables, opening stock and views in schema `public`, in one transaction.
  package static func install(on connection: PostgresConnection) throws(PostgresError) {
    try connection.execute(
      "BEGIN; SET LOCAL search_path = public; \(tables) \(items) \(locations) \(openingStock)"
        + " \(liveStock) \(lowStockAlerts) \(networkSummary) COMMIT")
  }

  // MARK: Tables

  /// Stock is never stored: it is the sum of what has moved.
  private static let tables = """
    CREATE TABLE items (
      item_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      sku           text NOT NULL UNIQUE,
      name          text NOT NULL,
      category      text NOT NULL,
      reorder_point integer NOT NULL CHECK (reorder_point > 0),
      price         numeric(10,2) NOT NULL CHECK (price > 0)
    );
    CREATE TABLE locations (
      location_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      name        text NOT NULL UNIQUE,
      kind        text NOT NULL CHECK (kind IN ('warehouse', 'store')),
      region      text NOT NULL
    );
    CREATE TABLE orders (
      order_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      location_id integer NOT NULL REFERENCES locations,
      placed_at   timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE order_lines (
      order_id   bigint REFERENCES orders,
      line_no    integer,
      item_id    integer NOT NULL REFERENCES items,
      quantity   integer NOT NULL CHECK (quantity > 0),
      unit_price numeric(10,2) NOT NULL,
      PRIMARY KEY (order_id, line_no)
    );
    CREATE TABLE stock_movements (
      movement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      item_id     integer NOT NULL REFERENCES items,
      location_id integer NOT NULL REFERENCES locations,
      kind        text NOT NULL
                  CHECK (kind IN ('receipt', 'sale', 'return', 'transfer_in', 'transfer_out')),
      quantity    integer NOT NULL CHECK (quantity > 0),
      order_id    bigint,
      line_no     integer,
      moved_at    timestamptz NOT NULL DEFAULT now(),
      FOREIGN KEY (order_id, line_no) REFERENCES order_lines
    );
    CREATE INDEX ON stock_movements (order_id, line_no);
    -- A deletion then carries the whole old row, and Onhand keeps sums instead of movements.
    ALTER TABLE stock_movements REPLICA IDENTITY FULL;
    """

  private static let items = """
    INSERT INTO items (sku, name, category, reorder_point, price) VALUES
      ('AUD-101', 'Wireless Headphones', 'Audio', 24, 79.99),
      ('AUD-102', 'Noise-Cancelling Headphones', 'Audio', 12, 229.00),
      ('AUD-103', 'Sports Earbuds', 'Audio', 30, 49.90),
      ('AUD-104', 'Bookshelf Speaker', 'Audio', 8, 149.00),
      ('AUD-105', 'Portable Speaker', 'Audio', 20, 59.95),
      ('AUD-106', 'Podcast Microphone', 'Audio', 10, 119.00),
      ('CBL-201', 'USB-C Cable 1 m', 'Cables', 80, 9.99),
      ('CBL-202', 'USB-C Cable 2 m', 'Cables', 60, 12.99),
      ('CBL-203', 'HDMI Cable 2 m', 'Cables', 40, 14.50),
      ('CBL-204', 'Ethernet Cable 5 m', 'Cables', 40, 8.90),
      ('CBL-205', 'Audio Cable 3.5 mm', 'Cables', 30, 6.50),
      ('CHG-301', 'Wall Charger 30 W', 'Charging', 40, 24.99),
      ('CHG-302', 'Wall Charger 65 W', 'Charging', 30, 44.99),
      ('CHG-303', 'Car Charger', 'Charging', 20, 19.99),
      ('CHG-304', 'Power Bank 10000 mAh', 'Charging', 24, 29.99),
      ('CHG-305', 'Power Bank 20000 mAh', 'Charging', 16, 49.99),
      ('CHG-306', 'Wireless Charging Pad', 'Charging', 20, 34.90),
      ('DSK-401', 'Laptop Stand', 'Desk', 15, 49.99),
      ('DSK-402', 'Monitor Arm', 'Desk', 10, 89.00),
      ('DSK-403', 'Desk Lamp', 'Desk', 12, 39.95),
      ('DSK-404', 'Desk Mat', 'Desk', 25, 22.00),
      ('DSK-405', 'Footrest', 'Desk', 8, 34.00),
      ('INP-501', 'Mechanical Keyboard', 'Input', 16, 129.99),
      ('INP-502', 'Compact Keyboard', 'Input', 16, 69.99),
      ('INP-503', 'Wireless Mouse', 'Input', 40, 29.99),
      ('INP-504', 'Vertical Mouse', 'Input', 14, 54.90),
      ('INP-505', 'Graphics Tablet', 'Input', 6, 199.00),
      ('INP-506', 'Presenter', 'Input', 10, 39.00),
      ('SMH-601', 'Smart Plug', 'Smart Home', 40, 14.99),
      ('SMH-602', 'Smart Bulb', 'Smart Home', 50, 11.99),
      ('SMH-603', 'Motion Sensor', 'Smart Home', 20, 24.50),
      ('SMH-604', 'Door Sensor', 'Smart Home', 20, 19.50),
      ('SMH-605', 'Thermostat', 'Smart Home', 6, 179.00),
      ('STO-701', 'Memory Card 128 GB', 'Storage', 40, 18.99),
      ('STO-702', 'USB Stick 64 GB', 'Storage', 50, 9.49),
      ('STO-703', 'Portable SSD 1 TB', 'Storage', 15, 99.00),
      ('STO-704', 'Portable SSD 2 TB', 'Storage', 10, 169.00),
      ('VID-801', 'Webcam HD', 'Video', 20, 59.99),
      ('VID-802', 'Webcam 4K', 'Video', 10, 149.00),
      ('VID-803', 'Ring Light', 'Video', 12, 44.00);
    """

  private static let locations = """
    INSERT INTO locations (name, kind, region) VALUES
      ('East Coast Hub', 'warehouse', 'US-East'),
      ('West Coast Hub', 'warehouse', 'US-West'),
      ('Central Warehouse', 'warehouse', 'US-Central'),
      ('Boston Store', 'store', 'US-East'),
      ('New York Store', 'store', 'US-East'),
      ('Chicago Store', 'store', 'US-Central'),
      ('San Francisco Store', 'store', 'US-West'),
      ('Seattle Store', 'store', 'US-West');
    """

  /// Each item everywhere, in percent of its reorder point: enough in a warehouse, here and there too little in a store.
  private static let openingStock = """
    INSERT INTO stock_movements (item_id, location_id, kind, quantity)
    SELECT i.item_id, l.location_id, 'receipt',
      1 + i.reorder_point * CASE l.kind
        WHEN 'warehouse' THEN 300 + (i.item_id * 7 + l.location_id * 3) % 4 * 100
        ELSE (ARRAY[15, 45, 80, 110, 115, 120, 130, 140, 150, 165, 180, 200, 240])
          [1 + (i.item_id * 5 + l.location_id * 7) % 13]
      END / 100
    FROM items i CROSS JOIN locations l;
    """

  // MARK: Views

  private static let liveStock = """
    CREATE VIEW live_stock AS
    SELECT
      i.item_id,
      l.location_id,
      i.sku,
      i.name AS item,
      i.category,
      l.name AS location,
      l.region,
      SUM(
        CASE
          WHEN m.kind = 'sale' THEN -m.quantity
          WHEN m.kind = 'transfer_out' THEN -m.quantity
          ELSE m.quantity
        END
      ) AS on_hand,
      i.reorder_point,
      i.price,
      MAX(m.moved_at) AS last_movement_at
    FROM stock_movements m
    JOIN items i ON i.item_id = m.item_id
    JOIN locations l ON l.location_id = m.location_id
    GROUP BY i.item_id, l.location_id, i.sku, i.name, i.category, l.name, l.region,
      i.reorder_point, i.price;
    """

  private static let lowStockAlerts = """
    CREATE VIEW low_stock_alerts AS
    SELECT
      item_id,
      location_id,
      sku,
      item,
      location,
      region,
      CASE
        WHEN on_hand <= 0 THEN 'OUT_OF_STOCK'
        WHEN on_hand <= reorder_point * 0.25 THEN 'CRITICAL'
        WHEN on_hand <= reorder_point * 0.5 THEN 'LOW'
        ELSE 'WARNING'
      END AS severity,
      on_hand,
      reorder_point,
      reorder_point - on_hand AS units_short,
      last_movement_at
    FROM live_stock
    WHERE on_hand < reorder_point;
    """

  private static let networkSummary = """
    CREATE VIEW network_summary AS
    SELECT
      item_id,
      sku,
      item,
      category,
      COUNT(DISTINCT location_id) AS locations,
      SUM(on_hand) AS total_on_hand,
      MIN(on_hand) AS least_on_hand,
      MAX(on_hand) AS most_on_hand,
      SUM(on_hand) * price AS stock_value,
      CASE
        WHEN SUM(on_hand) <= 0 THEN 'OUT_OF_STOCK'
        WHEN MIN(on_hand) <= 0 THEN 'GAPS'
        WHEN SUM(on_hand) < reorder_point * COUNT(DISTINCT location_id) THEN 'REORDER_NOW'
        WHEN SUM(on_hand) < reorder_point * COUNT(DISTINCT location_id) * 2 THEN 'REORDER_SOON'
        ELSE 'HEALTHY'
      END AS overall_status
    FROM live_stock
    GROUP BY item_id, sku, item, category, reorder_point, price;
    """
}
