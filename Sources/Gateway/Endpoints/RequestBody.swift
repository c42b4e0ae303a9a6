import HTTPWire
import JSONWire

extension Request {
  /// The body as JSON.
  func json() throws(Refused) -> JSONDocument {
    guard let type = field("content-type"), Self.isJSON(type) else {
      throw Refused(.notJSON, "send Content-Type: application/json")
    }
    do throws(JSONFault) {
      return try JSONDocument(body.bytes)
    } catch {
      throw Refused(.badBody, error.description)
    }
  }

  private static func isJSON(_ field: ByteView) -> Bool {
    let end = field.firstIndex(of: UInt8(ascii: ";")) ?? field.count
    return field[0..<end].trimmed.equalsIgnoringCase("application/json")
  }
}

extension JSONValue {
  /// The members of an object of which `names` are known.
  func members(known names: [String]) throws(Refused) -> [String: JSONValue] {
    guard let members else { throw Refused(.badBody, "an object is expected") }
    var known: [String: JSONValue] = [:]
    for member in members {
      guard names.contains(member.name) else {
        throw Refused(
          .badBody,
          "\"\(member.name.prefix(60))\" is not known; known are \(names.joined(separator: ", "))")
      }
      known[member.name] = member.value
    }
    return known
  }
}
