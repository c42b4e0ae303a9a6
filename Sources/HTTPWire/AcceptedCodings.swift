/// What `Accept-Encoding` says about the codings there are here (RFC 9110 12.5.3).
package struct AcceptedCodings {
  private var gzip: Int?
  private var identity: Int?
  private var others: Int?

  package init(_ request: borrowing Request) {
    var codings = AcceptedCodings()
    request.forEachValue(of: "accept-encoding") { codings.add($0) }
    self = codings
  }

  private init() {}

  /// Whether gzip is acceptable and liked no less than no coding. A client that names neither is
  /// sent none.
  package var preferGzip: Bool {
    let weight = gzip ?? others ?? 0
    return weight > 0 && weight >= identity ?? 0
  }

  private mutating func add(_ field: ByteView) {
    var rest = field
    while !rest.isEmpty {
      var item = rest.split(at: UInt8(ascii: ","))
      let coding = item.split(at: UInt8(ascii: ";")).trimmed
      let weight = item.isEmpty ? Self.weightMax : Self.weight(item.trimmed)
      if coding.equalsIgnoringCase("gzip") || coding.equalsIgnoringCase("x-gzip") {
        gzip = weight
      } else if coding.equalsIgnoringCase("identity") {
        identity = weight
      } else if coding == "*" {
        others = weight
      }
    }
  }

  /// Weights are counted in thousandths.
  private static let weightMax = 1_000

  /// Reads `q=0.123`; 0 for what is no weight, so that nothing is sent which may not be wanted.
  private static func weight(_ parameter: ByteView) -> Int {
    guard parameter.count > 2, parameter[0..<2].equalsIgnoringCase("q=") else { return 0 }
    var digits = parameter[2..<parameter.count]
    let whole = digits.split(at: UInt8(ascii: "."))
    guard whole.count == 1, let units = whole.decimal, units <= 1, digits.count <= 3 else {
      return 0
    }
    var thousandths = 0
    if !digits.isEmpty {
      guard let decimal = digits.decimal else { return 0 }
      thousandths = [100, 10, 1][digits.count - 1] * decimal
    }
    let weight = units * weightMax + thousandths
    return weight <= weightMax ? weight : 0
  }
}
