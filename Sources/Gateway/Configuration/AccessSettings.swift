import Engine

/// Reads `callers`, `public`, `cors` and `availability` from what YAML made of them.
enum AccessSettings {
  typealias Failure = ConfigurationReader.Failure

  static func callers(_ value: Any) throws -> [Caller] {
    let callers = try Setting("callers", value).elements.map(caller)
    let names = callers.map(\.name)
    guard Set(names).count == names.count else {
      throw Failure(key: "callers", problem: "must have a name each")
    }
    return callers
  }

  private static func caller(_ setting: Setting) throws -> Caller {
    let members = try setting.members(["name", "token_sha256", "may", "views"])
    let digest = try members.required("token_sha256").text
    guard let bytes = hexBytes(digest), bytes.count == 32 else {
      throw Failure(
        key: "\(setting.key).token_sha256",
        problem: "must be 64 hexadecimal digits: printf %s TOKEN | sha256sum")
    }
    let rights = try members.required("may").elements.map { right in
      guard let right = Right(rawValue: try right.text) else {
        throw Failure(key: right.key, problem: "must be read, hold or admin")
      }
      return right
    }
    return Caller(
      name: try members.required("name").text, tokenDigest: bytes, may: Set(rights),
      views: try members["views"]?.elements.map { try $0.text })
  }

  private static func hexBytes(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard digits[index] != UInt8(ascii: "+"), digits[index] != UInt8(ascii: "-"),
        let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  static func publicAccess(_ value: Any) throws -> PublicAccess {
    let members = try Setting("public", value).members(["views", "cap"])
    let views = try members.required("views").elements.map { setting in
      if let name = setting.value as? String { return PublicAccess.View(name: name) }
      let members = try setting.members(["name", "quantities"])
      return PublicAccess.View(
        name: try members.required("name").text,
        quantities: try members["quantities"]?.elements.map { try $0.text })
    }
    return PublicAccess(views: views, cap: try members["cap"]?.units)
  }

  static func crossOrigins(_ value: Any) throws -> CrossOrigins {
    let origins = try Setting("cors", value).members(["origins"]).required("origins").elements
    return CrossOrigins(
      try origins.map { setting in
        let origin = try setting.text
        // Browsers send a scheme and a host in lower case, and nothing behind the port.
        let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
        guard
          origin == "*"
            || (parts.count == 3 && parts[0].hasSuffix(":") && !parts[2].isEmpty
              && origin == origin.lowercased())
        else {
          throw Failure(
            key: setting.key, problem: "must be an origin, as https://shop.example, or *")
        }
        return origin
      })
  }

  static func availability(_ value: Any) throws -> AvailabilityConfiguration {
    let members = try Setting("availability", value).members([
      "view", "item", "location", "key", "on_hand", "held", "available", "low_stock_threshold",
    ])
    let threshold = try members["low_stock_threshold"].map { setting in
      setting.value is Int
        ? AvailabilityColumns.Threshold.units(try setting.units)
        : AvailabilityColumns.Threshold.column(try setting.text)
    }
    return AvailabilityConfiguration(
      view: try members.required("view").text,
      columns: AvailabilityColumns(
        key: try availabilityKey(members), onHand: try members.required("on_hand").text,
        held: try members["held"]?.text,
        available: try members["available"]?.text, lowStockThreshold: threshold))
  }

  /// `item` and perhaps `location`, which they are called from then on; or `key`, whose columns keep their names.
  private static func availabilityKey(_ members: Setting.Members) throws
    -> [AvailabilityColumns.KeyColumn]
  {
    guard let key = members["key"] else {
      return try ["item", "location"].compactMap { name in
        let setting = name == "item" ? try members.required(name) : members[name]
        return try setting.map { .init(name: name, column: try $0.text) }
      }
    }
    guard members["item"] == nil, members["location"] == nil else {
      throw Failure(key: key.key, problem: "goes in place of item and location, not beside them")
    }
    let columns = try key.elements.map { setting in
      let name = try setting.text
      guard !keyNamesTaken.contains(name) else {
        throw Failure(
          key: setting.key,
          problem: "\(name) means something else in requests and answers; rename it in the view")
      }
      return AvailabilityColumns.KeyColumn(name: name, column: name)
    }
    guard columns.count <= keyColumnsMax, Set(columns).count == columns.count else {
      throw Failure(
        key: key.key, problem: "must name each of at most \(keyColumnsMax) columns once")
    }
    return columns
  }

  /// Of an index's 32; more is no key but a row.
  private static let keyColumnsMax = 8

  /// What lines of holds and availability have beside their key.
  private static let keyNamesTaken: Set<String> = [
    "available", "held", "hold_id", "items", "line", "locations", "on_hand", "quantity",
    "requested", "status",
  ]

  /// Checks what only the whole configuration tells.
  static func check(_ configuration: Configuration) throws {
    guard configuration.listen.isLoopback || !configuration.callers.isEmpty else {
      throw Failure(
        key: "listen",
        problem: "must be a loopback address, or name callers: nobody would be asked for a token")
    }
    guard configuration.publicAccess == nil || !configuration.callers.isEmpty else {
      throw Failure(key: "public", problem: "means something only beside callers")
    }
    guard configuration.holds == nil || configuration.availability != nil else {
      throw Failure(key: "holds", problem: "needs availability: the view that they are taken from")
    }
    let named =
      (configuration.publicAccess?.views.map { ("public", $0.name) } ?? [])
      + configuration.callers.flatMap { caller in
        (caller.views ?? []).map { ("callers.\(caller.name)", $0) }
      } + (configuration.availability.map { [("availability", $0.view)] } ?? [])
    for (key, name) in named where !isServed(name, configuration) {
      throw Failure(key: key, problem: "names \(name), which is not one of the views")
    }
  }

  /// Whether one of the configured views may be meant, with its schema or without.
  private static func isServed(_ name: String, _ configuration: Configuration) -> Bool {
    func last(_ name: String) -> Substring? { name.split(separator: ".").last }
    return configuration.views.contains { view in
      view.name == name
        || (last(view.name) == last(name) && view.name.contains(".") != name.contains("."))
    }
  }
}
