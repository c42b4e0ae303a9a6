import Engine
import HTTPWire
import JSONWire

/// `POST /v1/views/{view}/lookup`: many rows by key, in the order asked for.
enum LookupEndpoint {
  /// Keys of one request.
  static let keysMax = 10_000
  /// An answer that would be larger is refused.
  static let bodyBytesMax = 64 << 20

  static func answer(
    _ view: LiveView, _ request: borrowing Request, _ read: Read, _ response: inout Response
  ) throws(Refused) {
    let (shape, keys) = try question(view, request, read)
    try RowEndpoints.checkTrust(view, read)
    response.body.append("{\"view\":")
    response.body.append(jsonString: view.name.name)
    response.body.append(",\"position\":\"")
    response.body.append(read.positionText)
    response.body.append("\",\"rows\":[")
    for (index, key) in keys.enumerated() {
      guard index < keysMax else { throw Refused(.tooManyKeys, "ask for \(keysMax) at a time") }
      if index > 0 { response.body.append(",") }
      try write(key, at: index, view, shape, read, &response.body)
    }
    response.body.append("]}")
  }

  /// How the rows are wanted, and their keys, which may still be none of this view's.
  static func question(_ view: LiveView, _ request: borrowing Request, _ read: Read)
    throws(Refused) -> (RowShape, JSONElements)
  {
    try read.parameters.refuseOthers(known: ["select"])
    try RowEndpoints.requireKey(view)
    let shape = try RowShape(view, read)
    guard let keys = try request.json().root.members(known: ["keys"])["keys"]?.elements else {
      throw Refused(.badBody, "keys must be an array of keys, as {\"keys\":[[1,2],[1,3]]}")
    }
    return (shape, keys)
  }

  private static func write(
    _ key: JSONValue, at index: Int, _ view: LiveView, _ shape: RowShape, _ read: Read,
    _ body: inout ByteBuffer
  ) throws(Refused) {
    let row: RowRef
    do throws(KeyReader.Failure) {
      row = try read.scratch.keys.read(key, types: view.keyTypes)
    } catch {
      let refusal = RowEndpoints.refusal(of: error, view)
      throw Refused(refusal.problem, "keys[\(index)]: \(refusal.detail)")
    }
    guard let version = view.table.find(row, at: read.visible.sequence) else {
      return body.append("null")
    }
    if let fault = version.fault { throw RowEndpoints.refusal(of: fault) }
    shape.write(version, to: &body, read.scratch)
    guard body.count <= bodyBytesMax else {
      throw Refused(.answerTooLarge, "these rows take more than \(bodyBytesMax) bytes")
    }
  }
}

extension KeyReader {
  /// Reads a key of a request body: an array of its columns' values, or the value itself where there is one.
  ///
  /// A string is read as the type's text; a number or boolean is taken only for columns of such types.
  func read(_ value: JSONValue, types: [ColumnType]) throws(Failure) -> RowRef {
    begin()
    if let elements = value.elements {
      for (index, element) in elements.enumerated() {
        guard index < types.count else { throw .wrongArity(expected: types.count) }
        try add(element, at: index, types)
      }
    } else {
      try add(value, at: 0, types)
    }
    return try end(types)
  }

  /// Reads a key of its columns' values, of which there are as many as `types`.
  func read(_ values: [JSONValue], types: [ColumnType]) throws(Failure) -> RowRef {
    begin()
    for (index, value) in values.enumerated() { try add(value, at: index, types) }
    return try end(types)
  }

  private func add(_ value: JSONValue, at index: Int, _ types: [ColumnType]) throws(Failure) {
    switch (value.kind, types[index]) {
    case (.null, _): try addNull(types)
    case (.string, _),
      (.number, .int2), (.number, .int4), (.number, .int8), (.number, .numeric),
      (.number, .float4), (.number, .float8):
      let result = value.withText { text -> Failure? in
        do throws(Failure) { try add(text, types) } catch { return error }
        return nil
      }
      if let result { throw result }
    case (.bool(let flag), .bool):
      var text = flag ? "true" : "false"
      let result = text.withUTF8 { utf8 -> Failure? in
        do throws(Failure) { try add(UnsafeRawBufferPointer(utf8), types) } catch { return error }
        return nil
      }
      if let result { throw result }
    case (.number, _), (.bool, _), (.array, _), (.object, _): throw .malformed(column: index)
    }
  }
}
