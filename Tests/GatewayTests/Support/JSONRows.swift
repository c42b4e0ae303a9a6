/// Takes the texts of rows out of an answer, as they are.
enum JSONRows {
  /// The objects in the array called `rows`.
  static func split(_ body: String) -> [String] {
    let bytes = Array(body.utf8)
    guard let start = body.range(of: "\"rows\":[") else { return [] }
    var at = body.utf8.distance(from: body.startIndex, to: start.upperBound)
    var rows: [String] = []
    while at < bytes.count, bytes[at] == UInt8(ascii: "{") || bytes[at] == UInt8(ascii: ",") {
      if bytes[at] == UInt8(ascii: ",") { at += 1 }
      let end = objectEnd(bytes, at)
      rows.append(String(decoding: bytes[at..<end], as: UTF8.self))
      at = end
    }
    return rows
  }

  private static func objectEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    var depth = 0
    var isInString = false
    var at = start
    repeat {
      switch bytes[at] {
      case UInt8(ascii: "\\") where isInString: at += 1
      case UInt8(ascii: "\""): isInString.toggle()
      case UInt8(ascii: "{") where !isInString: depth += 1
      case UInt8(ascii: "}") where !isInString: depth -= 1
      default: break
      }
      at += 1
    } while depth > 0 && at < bytes.count
    return at
  }
}

extension String {
  fileprivate func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}
