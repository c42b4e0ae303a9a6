import Engine
import Holds
import JSONWire

/// The body of `POST /v1/holds`, checked.
struct HoldRequest {
  /// Lines of one hold, keys summed or not.
  static let linesMax = 200
  /// Units of one key in one hold: far from where sums of them could overflow.
  static let unitsMax: Int64 = 1_000_000_000
  static let metadataBytesMax = 4_096
  static let textBytesMax = 200

  let lines: [HoldDraft.Line]
  /// By line, what the view shows.
  let available: [Int64?]
  let ttl: Duration
  let reference: String?
  let allowsPartial: Bool
  let metadata: String?

  /// - Parameter read: of the gate that the worker is in.
  init(
    _ body: JSONValue, _ settings: HoldSettings, _ reader: AvailabilityReader, _ read: Read
  ) throws(Refused) {
    let members = try body.members(
      known: ["lines", "ttl", "reference", "allow_partial", "metadata"])
    ttl = try Self.ttl(members["ttl"], settings)
    reference = try members["reference"].map { value throws(Refused) in
      try Self.text(value, "reference")
    }
    switch members["allow_partial"]?.kind {
    case nil, .bool(false): allowsPartial = false
    case .bool(true): allowsPartial = true
    default: throw Self.refused("allow_partial", "must be true or false")
    }
    metadata = try Self.metadata(members["metadata"])
    guard let elements = members["lines"]?.elements, members["lines"]?.count != 0 else {
      throw Self.refused("lines", "must be an array that is not empty")
    }
    guard (members["lines"]?.count ?? 0) <= Self.linesMax else {
      throw Self.refused("lines", "must not be more than \(Self.linesMax)")
    }
    var parser = HoldLineParser(reader, read)
    for (index, element) in elements.enumerated() { try parser.add(element, "lines[\(index)]") }
    lines = parser.lines
    available = parser.available
  }

  static func refused(_ path: String, _ problem: String) -> Refused {
    Refused(.badBody, "\(path) \(problem)", parameter: path)
  }

  static func ttl(_ value: JSONValue?, _ settings: HoldSettings) throws(Refused) -> Duration {
    guard let value else { return settings.ttl }
    guard let ttl = value.string.flatMap({ Duration(text: $0) }), ttl >= .seconds(1),
      ttl <= settings.ttlMax
    else {
      throw refused("ttl", "must be a time from 1s to \(settings.ttlMax.configured), as \"10m\"")
    }
    return ttl
  }

  static func text(_ value: JSONValue, _ path: String) throws(Refused) -> String {
    guard let text = value.string, !text.isEmpty, text.utf8.count <= textBytesMax,
      !text.utf8.contains(0)
    else { throw refused(path, "must be a text of 1 to \(textBytesMax) bytes") }
    return text
  }

  private static func metadata(_ value: JSONValue?) throws(Refused) -> String? {
    guard let value, value.kind != .null else { return nil }
    guard value.kind == .object else { throw refused("metadata", "must be an object") }
    var text: [UInt8] = []
    value.write(to: &text)
    guard text.count <= metadataBytesMax else {
      throw refused("metadata", "must not be more than \(metadataBytesMax) bytes")
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// Reads lines and adds up those of one key.
struct HoldLineParser {
  private let reader: AvailabilityReader
  private let read: Read
  private let key: RowJSONWriter
  private(set) var lines: [HoldDraft.Line] = []
  private(set) var available: [Int64?] = []
  private var places: [HoldKey: Int] = [:]

  init(_ reader: AvailabilityReader, _ read: Read) {
    self.reader = reader
    self.read = read
    key = RowJSONWriter(
      reader.key.map { .init(name: $0.name, column: $0.index) },
      of: reader.view.definition.columns)
  }

  mutating func add(_ value: JSONValue, _ path: String) throws(Refused) {
    guard value.kind == .object else { throw HoldRequest.refused(path, "must be an object") }
    let members: [String: JSONValue]
    do throws(Refused) {
      members = try value.members(known: reader.key.map(\.name) + ["quantity"])
    } catch { throw HoldRequest.refused(path, error.detail) }
    let quantity = try Self.quantity(members["quantity"], "\(path).quantity")
    let texts = try reader.key.map { column throws(Refused) in
      try Self.keyText(members[column.name], "\(path).\(column.name)")
    }
    guard let key = read.scratch.keys.holdKey(texts, reader) else {
      throw Refused(
        .badKey, "\(path) is not of the types of \(reader.keyNames)", parameter: path)
    }
    if let place = places[key] { return try add(quantity, at: place, path) }
    guard let version = reader.row(of: key, at: read.visible.sequence) else {
      throw Refused(
        .badKey, "\(path): \(reader.view.name) has no row of this \(reader.keyNames)",
        parameter: path)
    }
    if let fault = version.fault { throw RowEndpoints.refusal(of: fault) }
    places[key] = lines.count
    available.append(reader.wholeUnits(version))
    lines.append(
      HoldDraft.Line(
        key: key, keyMembers: keyMembers(version), keyTexts: texts, requested: quantity))
  }

  private mutating func add(_ quantity: Int64, at place: Int, _ path: String) throws(Refused) {
    let line = lines[place]
    let sum = line.requested + quantity
    guard sum <= HoldRequest.unitsMax else {
      throw HoldRequest.refused(
        "\(path).quantity", "brings its item to more than \(HoldRequest.unitsMax)")
    }
    lines[place] = HoldDraft.Line(
      key: line.key, keyMembers: line.keyMembers, keyTexts: line.keyTexts, requested: sum)
  }

  private static func quantity(_ value: JSONValue?, _ path: String) throws(Refused) -> Int64 {
    guard let number = value?.wholeNumber,
      (1...HoldRequest.unitsMax).contains(number)
    else {
      throw HoldRequest.refused(path, "must be a whole number from 1 to \(HoldRequest.unitsMax)")
    }
    return number
  }

  private static func keyText(_ value: JSONValue?, _ path: String) throws(Refused) -> String {
    guard let text = value?.string ?? value?.number, text.utf8.count <= HoldRequest.textBytesMax
    else {
      throw HoldRequest.refused(
        path, "must be a text or number of at most \(HoldRequest.textBytesMax) bytes")
    }
    return text
  }

  /// An object's members, without the braces around it.
  private func keyMembers(_ version: RowVersion) -> String {
    read.scratch.text.removeAll(keepingCapacity: true)
    key.write(version.row, to: &read.scratch.text)
    return String(decoding: read.scratch.text.dropFirst().dropLast(), as: UTF8.self)
  }
}

extension JSONValue {
  /// Writes the value as JSON again, without blanks.
  func write(to text: inout [UInt8]) {
    switch kind {
    case .null: text += "null".utf8
    case .bool(let flag): text += (flag ? "true" : "false").utf8
    case .number: withText { text += $0 }
    case .string: withText { JSONText.write(text: $0, to: &text) }
    case .array:
      text.append(UInt8(ascii: "["))
      var isFirst = true
      if let elements {
        for element in elements {
          if !isFirst { text.append(UInt8(ascii: ",")) }
          element.write(to: &text)
          isFirst = false
        }
      }
      text.append(UInt8(ascii: "]"))
    case .object:
      text.append(UInt8(ascii: "{"))
      for (index, member) in (members ?? []).enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        JSONText.write(text: member.name, to: &text)
        text.append(UInt8(ascii: ":"))
        member.value.write(to: &text)
      }
      text.append(UInt8(ascii: "}"))
    }
  }
}
