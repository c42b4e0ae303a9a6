/// A JSON text (RFC 8259) of a request, read strictly and within bounds.
///
/// No name may occur twice in an object, strings must be whole Unicode, numbers stay the text that they were. The values
/// lie in one array in the order of the text, so that a document costs a few allocations however many values it has;
/// it is never larger than ten times its text.
package struct JSONDocument: Sendable {
  struct Node: BitwiseCopyable {
    enum Kind: UInt8, BitwiseCopyable { case null, no, yes, number, string, array, object }
    var kind: Kind
    /// Of a number or string: where its characters are.
    var start: UInt32 = 0
    /// Bytes of a number or string; elements of an array; members of an object, each a string and a value.
    var count: UInt32 = 0
    /// The index behind the value and all it contains.
    var end: UInt32 = 0
  }

  let nodes: [Node]
  /// The characters of numbers and strings, unescaped.
  let text: [UInt8]

  package init(_ bytes: UnsafeRawBufferPointer, _ limits: JSONLimits = JSONLimits())
    throws(JSONFault)
  {
    guard bytes.count <= limits.bytesMax, bytes.count <= Int32.max else {
      throw JSONFault(reason: .tooLarge, offset: 0)
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw JSONFault(reason: .notUTF8, offset: 0)
    }
    var parser = JSONParser(bytes, limits)
    try parser.parse()
    nodes = parser.nodes
    text = parser.text
  }

  package var root: JSONValue { JSONValue(document: self, index: 0) }
}
