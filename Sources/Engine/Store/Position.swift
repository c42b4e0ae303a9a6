/// A WAL address, printed as Postgres does: `0/1A2B3C4D`.
package struct LSN: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let value: UInt64

  package init(_ value: UInt64) { self.value = value }

  /// Reads `0/1A2B3C4D`; nil if it is not that.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ (1...8).contains($0.utf8.count) }),
      parts.allSatisfy({ $0.utf8.first != UInt8(ascii: "+") && $0.utf8.first != UInt8(ascii: "-") }
      ),
      let high = UInt32(parts[0], radix: 16), let low = UInt32(parts[1], radix: 16)
    else { return nil }
    value = UInt64(high) << 32 | UInt64(low)
  }

  package static func < (a: LSN, b: LSN) -> Bool { a.value < b.value }

  package var description: String {
    String(value >> 32, radix: 16, uppercase: true) + "/"
      + String(value & 0xFFFF_FFFF, radix: 16, uppercase: true)
  }
}

/// What an answer reflects: everything up to an LSN, on one history of the database.
///
/// Positions compare inside one epoch only. Printed `k3f9:0/1A2B3C4D`.
package struct Position: Hashable, Sendable, CustomStringConvertible {
  package let epoch: Epoch
  package let lsn: LSN

  package init(epoch: Epoch, lsn: LSN) {
    self.epoch = epoch
    self.lsn = lsn
  }

  package init?(_ text: some StringProtocol) {
    guard let colon = text.firstIndex(of: ":"), let epoch = Epoch(String(text[..<colon])),
      let lsn = LSN(text[text.index(after: colon)...])
    else { return nil }
    self.init(epoch: epoch, lsn: lsn)
  }

  package var description: String { "\(epoch):\(lsn)" }

  /// The one that is further; this one where the other is of another history.
  package func further(_ other: Position?) -> Position {
    guard let other, other.epoch == epoch, other.lsn > lsn else { return self }
    return other
  }
}

/// One history of a database: its system, timeline, and how often it was set back.
package struct Epoch: Hashable, Sendable, CustomStringConvertible {
  /// Its characters, the first one in the lowest byte and none a zero: positions are copied and compared for every frame, and
  /// text is counted by its owners.
  private let characters: UInt64

  package init?(_ id: String) {
    guard (1...8).contains(id.utf8.count),
      id.utf8.allSatisfy({ (48...57).contains($0) || (97...122).contains($0) })
    else { return nil }
    characters = id.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The same on every instance that follows the same history.
  ///
  /// - Parameter rewinds: how often the server's WAL was seen to end before our position.
  package init(systemIdentifier: UInt64, timeline: UInt32, rewinds: Int) {
    // FNV-1a, so that nothing depends on the process.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for value in [systemIdentifier, UInt64(timeline), UInt64(rewinds)] {
      for shift in stride(from: 0, to: 64, by: 8) {
        hash = (hash ^ (value >> UInt64(shift) & 0xFF)) &* 0x100_0000_01b3
      }
    }
    let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
    characters = [46656, 1296, 36, 1].reduce(0) { $0 << 8 | UInt64(digits[Int(hash / $1 % 36)]) }
  }

  package var id: String {
    withUnsafeBytes(of: characters.littleEndian) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  package var description: String { id }
}
