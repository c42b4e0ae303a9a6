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

/// `GET /v1/availability/{item}[/{place}]` and `POST /v1/availability`.
struct AvailabilityEndpoints: Sendable {
  private let configuration: AvailabilityConfiguration?

  init(_ configuration: AvailabilityConfiguration?) { self.configuration = configuration }

  func one(
    _ item: ByteView, at place: ByteView?, _ request: borrowing Request, _ read: Read,
    _ response: inout Response
  ) throws(Refused) {
    let (reader, key, place) = try question(item, at: place, read)
    try RowEndpoints.checkTrust(reader.view, read)
    guard let found = try Self.find(key, place, reader, read) else {
      throw Refused(.unknownItem, "\(reader.view.name) has no row of this \(reader.keyNames)")
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
      let key = try key("items[\(index)]", read) { keys throws(KeyReader.Failure) in
        try keys.read(item, types: [reader.item.type])
      }
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
  ///
  /// - Parameter place: separated by commas, what tells the places of an item apart.
  func question(_ item: ByteView, at place: ByteView?, _ read: Read) throws(Refused)
    -> (AvailabilityReader, item: RowRef, place: [UInt8]?)
  {
    try read.parameters.refuseOthers()
    let reader = try reader(read)
    var found: [UInt8]?
    if let place {
      let parts = try read.scratch.placeParts(place, reader)
      guard parts.count == reader.place.count else {
        let names = reader.place.map(\.name).joined(separator: ",")
        throw Refused(
          .badKey, names.isEmpty ? "an item has one place" : "a place is named by \(names)")
      }
      found = Array(try key(parts, reader.place, reader, read).bytes)
    }
    let part = try read.scratch.keyPart(item)
    return (reader, try key([part], reader.key.prefix(1), reader, read), found)
  }

  /// What is asked about many items, which may still be none of the column's type.
  func question(_ request: borrowing Request, _ read: Read) throws(Refused)
    -> (AvailabilityReader, items: JSONElements, place: [UInt8]?)
  {
    try read.parameters.refuseOthers()
    let reader = try reader(read)
    let names = reader.place.map(\.name)
    let members = try request.json().root.members(known: ["items"] + names)
    guard let items = members["items"]?.elements else {
      throw Refused(.badBody, "items must be an array, as {\"items\":[1,2]}")
    }
    let values = names.compactMap { members[$0] }
    guard !values.isEmpty else { return (reader, items, nil) }
    let list = names.joined(separator: " and ")
    guard values.count == names.count else {
      throw Refused(.badBody, "a place is named by \(list)")
    }
    let types = reader.place.map(\.type)
    let place = try key(list, read) { keys throws(KeyReader.Failure) in
      try keys.read(values, types: types)
    }
    return (reader, items, Array(place.bytes))
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
    _ item: RowRef, _ place: [UInt8]?, _ reader: AvailabilityReader, _ read: Read
  ) throws(Refused) -> Availability? {
    do throws(ValueFault) {
      return try reader.read(item: item, place: place, at: read.visible.sequence)
    } catch {
      throw RowEndpoints.refusal(of: error)
    }
  }

  /// Values of a path; valid until the next key is read.
  private func key(
    _ parts: [UnsafeRawBufferPointer], _ columns: ArraySlice<AvailabilityReader.KeyColumn>,
    _ reader: AvailabilityReader, _ read: Read
  ) throws(Refused) -> RowRef {
    do throws(KeyReader.Failure) {
      return try read.scratch.keys.read(parts, types: columns.map(\.type))
    } catch {
      guard case .malformed(let place) = error else {
        throw Refused(.badKey, "name \(reader.keyNames)")
      }
      let index = columns[columns.startIndex + place].index
      let column = reader.view.definition.columns[index]
      throw Refused(.badKey, "\(column.name) must be of type \(column.typeName)")
    }
  }

  /// What `body` reads from a request's body; valid until the next key is read.
  private func key(
    _ name: String, _ read: Read, _ body: (KeyReader) throws(KeyReader.Failure) -> RowRef
  ) throws(Refused) -> RowRef {
    do throws(KeyReader.Failure) { return try body(read.scratch.keys) } catch {
      throw Refused(.badKey, "\(name) is not of the column's type")
    }
  }
}

extension WorkerScratch {
  /// What tells the places of an item apart, as a path has it; valid until the next call.
  func placeParts(_ segment: ByteView, _ reader: AvailabilityReader) throws(Refused)
    -> [UnsafeRawBufferPointer]
  {
    // A comma separates nothing where there is one value only.
    reader.place.count == 1 ? [try keyPart(segment)] : try keyParts(segment)
  }
}

extension AvailabilityReader {
  /// As a refusal lists them.
  var keyNames: String { key.map(\.name).joined(separator: " and ") }
}

/// Writes availability as JSON.
private struct AvailabilityWriter {
  private let item: RowJSONWriter
  /// Nil where an item has one place.
  private let place: RowJSONWriter?
  private let scratch: WorkerScratch
  private let quotesNumbers: Bool
  private let cap: Numeric?

  init(_ reader: AvailabilityReader, _ read: Read) {
    func writer(_ columns: ArraySlice<AvailabilityReader.KeyColumn>) -> RowJSONWriter {
      RowJSONWriter(
        columns.map { .init(name: $0.name, column: $0.index) },
        of: reader.view.definition.columns,
        quotesBigNumbers: read.parameters.quotesBigNumbers)
    }
    item = writer(reader.key.prefix(1))
    place = reader.place.isEmpty ? nil : writer(reader.place)
    scratch = read.scratch
    quotesNumbers = read.parameters.quotesBigNumbers
    cap = read.reader.cap.map { Numeric($0) }
  }

  func write(_ availability: Availability, to body: inout ByteBuffer) {
    scratch.text.removeAll(keepingCapacity: true)
    if let first = availability.locations.first { open(item, first.version) }
    append(",")
    member("available", availability.available)
    append(",\"status\":\"")
    append(availability.status.rawValue)
    append("\",\"locations\":[")
    for (index, location) in availability.locations.enumerated() {
      if index > 0 { append(",") }
      if let place { open(place, location.version) } else { append("{") }
      if place != nil { append(",") }
      member("on_hand", location.onHand)
      append(",")
      member("held", location.held)
      append(",")
      member("available", location.available)
      append("}")
    }
    append("]}")
    scratch.text.withUnsafeBytes { body.append($0) }
  }

  /// Columns of the row as an object, left open for more.
  private func open(_ writer: RowJSONWriter, _ version: RowVersion) {
    writer.write(version.row, to: &scratch.text)
    scratch.text.removeLast()
  }

  private func member(_ name: String, _ units: Numeric) {
    let shown = cap.map { min($0, units) } ?? units
    append("\"\(name)\":")
    let isQuoted = quotesNumbers && shown.isFinite
    if isQuoted { append("\"") }
    JSONText.write(shown, to: &scratch.text)
    if isQuoted { append("\"") }
  }

  private func append(_ text: String) { scratch.text += text.utf8 }
}
