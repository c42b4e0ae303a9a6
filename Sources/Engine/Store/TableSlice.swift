/// A part of a table: the keys whose hashes begin with some bits.
package struct TableSlice: Equatable, Sendable {
  /// How many bits tell slices apart.
  private let bits: Int
  private let index: Int
  /// Of hashes; smaller ones have been gone through.
  private var first: UInt64 = 0

  static let whole = TableSlice(bits: 0, index: 0)

  private init(bits: Int, index: Int) {
    self.bits = bits
    self.index = index
  }

  /// A slice has about so many rows.
  private static let rowsAimed = 2_048
  private static let bitsMax = 20

  /// The first slice of a table that is to be read in small parts.
  package static func first(ofRows rowCount: Int) -> TableSlice {
    var bits = 0
    while rowCount >> bits > rowsAimed, bits < bitsMax { bits += 1 }
    return TableSlice(bits: bits, index: 0)
  }

  /// The slice behind this one; nil behind the last.
  package var next: TableSlice? {
    index + 1 < 1 << bits ? TableSlice(bits: bits, index: index + 1) : nil
  }

  /// What is left of it behind the keys of a hash; nil if nothing can be.
  func rest(behind hash: UInt64) -> TableSlice? {
    guard hash < .max else { return nil }
    var rest = self
    rest.first = hash + 1
    return rest
  }

  func contains(_ hash: UInt64) -> Bool {
    hash >= first && (bits == 0 || Int(truncatingIfNeeded: hash >> UInt64(64 - bits)) == index)
  }

  /// The shards that have keys of the slice, where a shard is told by the first bits of a hash.
  ///
  /// - Parameter count: a power of 2.
  func shards(of count: Int) -> Range<Int> {
    let shardBits = count.trailingZeroBitCount
    guard bits < shardBits else {
      return index >> (bits - shardBits)..<(index >> (bits - shardBits)) + 1
    }
    let each = 1 << (shardBits - bits)
    return index * each..<(index + 1) * each
  }
}
