import Capture
import Engine
import Foundation
import Gateway

/// A stock table, an ordinary view of it, and Onhand told to hold what it shows.
struct HoldShop {
  let database: TestDatabase
  let configuration: Configuration

  static let sql = """
    CREATE TABLE stock (item_id int, store text, units int NOT NULL, PRIMARY KEY (item_id, store));
    INSERT INTO stock SELECT i, s, 10 FROM generate_series(1, 50) i, unnest(ARRAY['north', 'south']) s;
    CREATE VIEW shelves AS SELECT item_id, store, units AS on_hand FROM stock;
    """

  static let availability = AvailabilityConfiguration(
    view: "availability",
    columns: AvailabilityColumns(
      item: "item_id", location: "store", onHand: "on_hand", held: "held", available: "available"))

  init(
    on cluster: PrivateCluster? = nil, _ change: (inout Configuration) -> Void = { _ in }
  ) throws {
    database = try TestDatabase(
      on: cluster ?? TestCluster.shared(), name: TestCluster.newName(), Self.sql)
    var configuration = Configuration()
    configuration.database = database.conninfo
    configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
    configuration.workers = 2
    configuration.views = [CaptureConfiguration.View(name: "availability")]
    configuration.availability = Self.availability
    configuration.holds = HoldSettings()
    change(&configuration)
    var capture = configuration.capture
    capture.holds?.stock = "shelves"
    _ = try Initializer(capture).prepare()
    self.configuration = configuration
  }

  /// One line, as a body has it.
  static func line(_ item: Int, _ quantity: Int, _ store: String = "north") -> String {
    #"{"item":\#(item),"location":"\#(store)","quantity":\#(quantity)}"#
  }

  static func body(_ lines: String..., more: String = "") -> String {
    #"{"lines":[\#(lines.joined(separator: ","))]\#(more)}"#
  }
}

extension HTTPClient.Response {
  /// A member of the body, as text.
  subscript(name: String) -> String? {
    let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
    return object?[name].map { "\($0)" }
  }
}
