import Engine
import HTTPWire
import JSONWire

/// Which view tells how much can be sold, and by which of its columns.
package struct AvailabilityConfiguration: Sendable {
  /// With its schema or without.
  package var view: String
  package var columns: AvailabilityColumns

  package init(view: String, columns: AvailabilityColumns) {
    self.view = view
    self.columns = columns
  }
}

/// `GET /v1/availability/{item}[/{location}]` and `POST /v1/availability`.
struct AvailabilityEndpoints: Sendable {
  private let configuration: AvailabilityConfiguration?

  init(_ configuration: AvailabilityConfiguration?) { self.configuration = configuration }

  func one(
    _ item: ByteView, at location: ByteView?, _ request: borrowing Request, _ read: Read,
    _ response: inout Response
  ) throws(Refused) {
    let (reader, key, place) = try question(item, at: location, read)
    try RowEndpoints.checkTrust(reader.view, read)
    guard let found = try Self.find(key, place, reader, read) else {
      throw Refused(.unknownItem, "\(reader.view.name) has no row with this item and location")
    }
    AvailabilityWriter(reader, read).write(found, to: &response.body)
    EntityTag(of: response.body.view).answer(request, &response)
  }

  func many(_ request: borrowing Request, _ read: Read, _ response: inout Response)
    throws(Refused)
  {
    let (reader, items, place) = try question(request, read)
    try RowEndpoints.checkTrust(reader.view, read)
    let writer = AvailabilityWriter(reader, read)
    response.body.append("{\"position\":\"")
    response.body.append(read.positionText)
    response.body.append("\",\"items\":[")
    for (index, item) in items.enumerated() {
      guard index < LookupEndpoint.keysMax else {
        throw Refused(.tooManyKeys, "ask for \(LookupEndpoint.keysMax) at a time")
      }
      if index > 0 { response.body.append(",") }
      let key = try key(item, "items[\(index)]", reader.itemType, read)
      if let found = try Self.find(key, place, reader, read) {
        writer.write(found, to: &response.body)
      } else {
        response.body.append("null")
      }
      guard response.body.count <= LookupEndpoint.bodyBytesMax else {
        throw Refused(
          .answerTooLarge, "these items take more than \(LookupEndpoint.bodyBytesMax) bytes")
      }
    }
    response.body.append("]}")
  }

  // MARK: Asking

  /// What is asked about one item; the key is valid until the next is read.
  func question(_ item: ByteView, at location: ByteView?, _ read: Read) throws(Refused)
    -> (AvailabilityReader, item: RowRef, location: [UInt8]?)
  {
    try read.parameters.refuseOthers()
    let reader = try reader(read)
    var place: [UInt8]?
    if let location {
      place = Array(try key(location, reader.locationType, reader.location, reader, read).bytes)
    }
    return (reader, try key(item, reader.itemType, reader.item, reader, read), place)
  }

  /// What is asked about many items, which may still be none of the column's type.
  func question(_ request: borrowing Request, _ read: Read) throws(Refused)
    -> (AvailabilityReader, items: JSONElements, location: [UInt8]?)
  {
    try read.parameters.refuseOthers()
    let reader = try reader(read)
    let members = try request.json().root.members(known: ["items", "location"])
    guard let items = members["items"]?.elements else {
      throw Refused(.badBody, "items must be an array, as {\"items\":[1,2]}")
    }
    var place: [UInt8]?
    if let location = members["location"] {
      place = Array(try key(location, "location", reader.locationType, read).bytes)
    }
    return (reader, items, place)
  }

  // MARK: Finding

  func reader(_ read: Read) throws(Refused) -> AvailabilityReader {
    guard let configuration else {
      throw Refused(
        .availabilityNotConfigured,
        "name a view and its columns in the configuration, availability:")
    }
    let view = try read.find(configuration.view)
    do throws(AvailabilityFault) {
      return try AvailabilityReader(view, configuration.columns)
    } catch {
      throw Refused(.availabilityNotConfigured, "\(view.name): \(error)")
    }
  }

  private static func find(
    _ item: RowRef, _ location: [UInt8]?, _ reader: AvailabilityReader, _ read: Read
  ) throws(Refused) -> Availability? {
    do throws(ValueFault) {
      return try reader.read(item: item, location: location, at: read.visible.sequence)
    } catch {
      throw RowEndpoints.refusal(of: error)
    }
  }

  /// A value of a path; valid until the next key is read.
  private func key(
    _ segment: ByteView, _ type: ColumnType, _ column: Int, _ reader: AvailabilityReader,
    _ read: Read
  ) throws(Refused) -> RowRef {
    let text = try read.scratch.keyPart(segment)
    do throws(KeyReader.Failure) {
      return try read.scratch.keys.read([text], types: [type])
    } catch {
      let column = reader.view.definition.columns[column]
      throw Refused(.badKey, "\(column.name) must be of type \(column.typeName)")
    }
  }

  /// A value of a body; valid until the next key is read.
  private func key(_ value: JSONValue, _ name: String, _ type: ColumnType, _ read: Read)
    throws(Refused) -> RowRef
  {
    do throws(KeyReader.Failure) {
      return try read.scratch.keys.read(value, types: [type])
    } catch {
      throw Refused(.badKey, "\(name) is not of the column's type")
    }
  }
}

/// Writes availability as JSON.
private struct AvailabilityWriter {
  private let item: RowJSONWriter
  private let location: RowJSONWriter
  private let scratch: WorkerScratch
  private let quotesNumbers: Bool
  private let cap: Numeric?

  init(_ reader: AvailabilityReader, _ read: Read) {
    func writer(_ column: Int, _ name: String) -> RowJSONWriter {
      RowJSONWriter(
        [.init(name: name, column: column)], of: reader.view.definition.columns,
        quotesBigNumbers: read.parameters.quotesBigNumbers)
    }
    item = writer(reader.item, "item")
    location = writer(reader.location, "location")
    scratch = read.scratch
    quotesNumbers = read.parameters.quotesBigNumbers
    cap = read.reader.cap.map { Numeric($0) }
  }

  func write(_ availability: Availability, to body: inout ByteBuffer) {
    scratch.text.removeAll(keepingCapacity: true)
    if let first = availability.locations.first { open(item, first.version) }
    member("available", availability.available)
    append(",\"status\":\"")
    append(availability.status.rawValue)
    append("\",\"locations\":[")
    for (index, place) in availability.locations.enumerated() {
      if index > 0 { append(",") }
      open(location, place.version)
      member("on_hand", place.onHand)
      member("held", place.held)
      member("available", place.available)
      append("}")
    }
    append("]}")
    scratch.text.withUnsafeBytes { body.append($0) }
  }

  /// The row's one column as an object, left open for more.
  private func open(_ writer: RowJSONWriter, _ version: RowVersion) {
    writer.write(version.row, to: &scratch.text)
    scratch.text.removeLast()
  }

  private func member(_ name: String, _ units: Numeric) {
    let shown = cap.map { min($0, units) } ?? units
    append(",\"\(name)\":")
    let isQuoted = quotesNumbers && shown.isFinite
    if isQuoted { append("\"") }
    JSONText.write(shown, to: &scratch.text)
    if isQuoted { append("\"") }
  }

  private func append(_ text: String) { scratch.text += text.utf8 }
}
