import Capture
import Engine
import Foundation
import Gateway
import Testing

/// A view of stock whose key is of some columns, and how one row of it is called in requests and in SQL.
struct HoldKeyShape: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// Makes table `bins` and view `goods`, ten units in each row.
  let sql: String
  /// Members of `availability:` that name the key.
  let key: [AvailabilityColumns.KeyColumn]
  /// A row's key as members of JSON, in the configuration's order, and as they are answered.
  let line: String
  /// The same as a path behind `/v1/availability`, and behind a view's rows.
  let path: String
  let rowPath: String
  /// The same as a condition on `bins`.
  let condition: String
  /// Another row's members.
  let other: String

  static let all = [
    HoldKeyShape(
      testDescription: "one text",
      sql: """
        CREATE TABLE bins (sku text COLLATE "C" PRIMARY KEY, units int NOT NULL);
        INSERT INTO bins VALUES ('A-1, "red"', 10), ('A-2', 10);
        CREATE VIEW goods AS SELECT sku, units AS on_hand FROM bins;
        """, key: [.init(name: "item", column: "sku")], line: #""item":"A-1, \"red\"""#,
      path: "A-1%2C%20%22red%22", rowPath: "A-1%2C%20%22red%22",
      condition: #"sku = 'A-1, "red"'"#, other: #""item":"A-2""#),
    HoldKeyShape(
      testDescription: "int and text",
      sql: """
        CREATE TABLE bins (store varchar(20), product int, units bigint NOT NULL, PRIMARY KEY (store, product));
        INSERT INTO bins VALUES ('a,b', 7, 10), ('north', 7, 10), ('a,b', 8, 10);
        CREATE VIEW goods AS SELECT store, product, units AS on_hand FROM bins;
        """,
      key: [.init(name: "product", column: "product"), .init(name: "store", column: "store")],
      line: #""product":7,"store":"a,b""#, path: "7/a%2Cb", rowPath: "a%2Cb,7",
      condition: "product = 7 AND store = 'a,b'", other: #""product":8,"store":"a,b""#),
    HoldKeyShape(
      testDescription: "uuid, int and text",
      sql: """
        CREATE TABLE bins (product uuid, warehouse int, "Lot" text, units numeric NOT NULL,
          PRIMARY KEY (product, warehouse, "Lot"));
        INSERT INTO bins VALUES ('0b8a4c61-5f5e-4b0e-9d25-16ea9d7a8a01', 3, 'x,1', 10),
          ('0b8a4c61-5f5e-4b0e-9d25-16ea9d7a8a01', 3, 'x', 10),
          ('0b8a4c61-5f5e-4b0e-9d25-16ea9d7a8a01', 4, 'x,1', 10);
        CREATE VIEW goods AS SELECT product, warehouse, "Lot", units AS on_hand FROM bins;
        """,
      key: ["product", "warehouse", "Lot"].map { .init(name: $0, column: $0) },
      line: #""product":"0b8a4c61-5f5e-4b0e-9d25-16ea9d7a8a01","warehouse":3,"Lot":"x,1""#,
      path: "0B8A4C61-5f5e-4b0e-9d25-16ea9d7a8a01/3,x%2C1",
      rowPath: "0b8a4c61-5f5e-4b0e-9d25-16ea9d7a8a01,3,x%2C1",
      condition: #"warehouse = 3 AND "Lot" = 'x,1'"#,
      other: #""product":"0b8a4c61-5f5e-4b0e-9d25-16ea9d7a8a01","warehouse":4,"Lot":"x,1""#),
    HoldKeyShape(
      testDescription: "numeric and date",
      sql: """
        CREATE TABLE bins (grade numeric, best_before date, units int NOT NULL, PRIMARY KEY (grade, best_before));
        INSERT INTO bins VALUES (1.50, '2026-03-01', 10), (1.5, '2026-04-01', 10);
        CREATE VIEW goods AS SELECT grade, best_before, units AS on_hand FROM bins;
        """, key: ["grade", "best_before"].map { .init(name: $0, column: $0) },
      line: #""grade":1.50,"best_before":"2026-03-01""#, path: "1.500/2026-03-01",
      rowPath: "1.5,2026-03-01", condition: "best_before = '2026-03-01'",
      other: #""grade":1.5,"best_before":"2026-04-01""#),
  ]

  /// A database with it, prepared as `onhand init --availability-from goods` does.
  func prepared() throws -> (TestDatabase, Configuration) {
    let database = try TestCluster.database(sql)
    var configuration = Configuration()
    configuration.database = database.conninfo
    configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
    configuration.workers = 2
    configuration.views = [CaptureConfiguration.View(name: "for_sale")]
    configuration.availability = AvailabilityConfiguration(
      view: "for_sale",
      columns: AvailabilityColumns(
        key: key, onHand: "on_hand", held: "held", available: "available"))
    configuration.holds = HoldSettings()
    var capture = configuration.capture
    capture.holds?.stock = "goods"
    _ = try Initializer(capture).prepare()
    return (database, configuration)
  }

  /// The body of a request for units of a row.
  static func body(_ members: String, _ quantity: Int) -> String {
    #"{"lines":[{\#(members),"quantity":\#(quantity)}]}"#
  }
}
