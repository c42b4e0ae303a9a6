import Engine

/// A hold as answers show it.
package struct HoldDocument: Sendable {
  package struct Line: Sendable {
    /// As in ``HoldDraft/Line``.
    package let keyMembers: String
    package let keyTexts: [String]
    package let requested: Int64
    package let quantity: Int64
    /// In the availability view, where it could be made out.
    package var key: HoldKey?
  }

  package let id: HoldID
  package var status: HoldStatus
  /// Whether the log has not decided it yet, as far as this process knows.
  package var isPending = false
  /// Whether its row says so.
  package var isMarked = false
  package let caller: String
  package let reference: String?
  package let digest: String
  package let instance: HoldID
  package let supersededBy: HoldID?
  /// Times as `to_json` prints them.
  package let createdAt: String
  package let expiresAt: String
  package var confirmedAt: String?
  package var endedAt: String?
  /// JSON, if any.
  package let metadata: String?
  package var lines: [Line]
  /// By the database's clock, when it was read.
  package var age = Duration.zero
  package var isOverdue = false

  /// `pending`, or its status.
  package var statusText: String { isPending ? "pending" : status.rawValue }
}

extension HoldDocument {
  /// Reads a row of the statements that read holds; nil if it is not one.
  init?(row: [String?]) {
    guard row.count == 19, let id = row[0].flatMap({ HoldID($0) }),
      let status = row[1].flatMap(HoldStatus.init(rawValue:)), let caller = row[2],
      let instance = row[5].flatMap({ HoldID($0) }), let age = row[12].flatMap({ Int64($0) })
    else { return nil }
    self.init(
      id: id, status: status, caller: caller, reference: row[3], digest: row[4] ?? "",
      instance: instance, supersededBy: row[6].flatMap { HoldID($0) }, createdAt: row[7] ?? "",
      expiresAt: row[8] ?? "", confirmedAt: row[9], endedAt: row[10], metadata: row[11],
      lines: Self.lines(row), age: .milliseconds(age), isOverdue: row[13] == "t")
    isMarked = row[18] == "t"
  }

  private static func lines(_ row: [String?]) -> [Line] {
    func lists(_ column: Int) -> [[String]] {
      (row[column] ?? "").split(separator: ",").map { list in
        list.split(separator: ".", omittingEmptySubsequences: false).map(text)
      }
    }
    func numbers(_ column: Int) -> [Int64] {
      (row[column] ?? "").split(separator: ",").compactMap { Int64($0) }
    }
    let members = lists(14).map { $0.joined() }
    let (requested, quantities, keys) = (numbers(15), numbers(16), lists(17))
    return requested.indices.map { index in
      Line(
        keyMembers: members[index], keyTexts: keys[index], requested: requested[index],
        quantity: quantities[index])
    }
  }

  private static func text(_ digits: Substring) -> String {
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in digits {
      guard let value = digit.hexDigitValue.map(UInt8.init) else { continue }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
