/// The `name=value` pairs of a query, in order and as sent.
///
/// Empty pairs (`a=1&&b=2`) are passed over; a name without `=` has an empty value.
package struct QueryFields: Sequence, IteratorProtocol {
  private var rest: ByteView

  package init(_ query: ByteView) {
    rest = query
  }

  package mutating func next() -> (name: ByteView, value: ByteView)? {
    while !rest.isEmpty {
      let pair = rest.split(at: UInt8(ascii: "&"))
      if !pair.isEmpty { return Self.split(pair) }
    }
    return nil
  }

  private static func split(_ pair: ByteView) -> (name: ByteView, value: ByteView) {
    var value = pair
    let name = value.split(at: UInt8(ascii: "="))
    return (name, value)
  }
}
