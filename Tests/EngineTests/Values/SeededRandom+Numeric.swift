import TestSupport

extension SeededRandom {
  mutating func digits(_ count: Int) -> String {
    String((0..<count).map { _ in Character(String(Int.random(in: 0...9, using: &self))) })
  }

  /// A numeric as text: mostly plain, sometimes long, round, at a boundary or not finite.
  mutating func numericText() -> String {
    let sign = Bool.random(using: &self) ? "-" : ""
    switch Int.random(in: 0..<20, using: &self) {
    case 0: return ["NaN", "Infinity", "-Infinity"].randomElement(using: &self) ?? "NaN"
    case 1:
      return ["0", "0.0", "0.000", "0.00000000000000000000"].randomElement(using: &self) ?? "0"
    case 2:
      return sign + digits(Int.random(in: 1...90, using: &self)) + "."
        + digits(Int.random(in: 0...90, using: &self))
    case 3:
      return sign
        + "\(Int.random(in: 1...9, using: &self))e\(Int.random(in: -60...60, using: &self))"
    case 4:
      return sign + "0." + String(repeating: "0", count: Int.random(in: 0...30, using: &self))
        + digits(5)
    case 5: return sign + (boundaries.randomElement(using: &self) ?? "1")
    case 6...9: return sign + "\(Int.random(in: 0...99, using: &self))." + digits(2)
    case 10...12: return sign + "\(Int.random(in: 0...20000, using: &self))"
    default:
      return sign + digits(Int.random(in: 1...19, using: &self)) + "."
        + digits(Int.random(in: 1...19, using: &self))
    }
  }

  private var boundaries: [String] {
    [
      "9223372036854775807", "9223372036854775808", "9223372036854775807.5", "2147483647.5",
      "2147483648",
      "32767.4", "32767.5", "170141183460469231731687303715884105727",
      "170141183460469231731687303715884105728",
      "1701411834604692317316873037158841057.28", "9999", "10000", "9999.9999", "0.0001",
      "0.00009999", "0.5", "1.5",
      "2.5", "99999999.995", "18446744073709551615", "18446744073709551616",
    ]
  }
}
