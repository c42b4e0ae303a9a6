/// A step's rows as changes: weights of equal rows summed, and what went paired with what came by identity.
///
/// Uses flat memory again and again; rows and identities are copied once, and nothing is allocated per row.
final class DeltaPairing {
  /// A row that went, one that came, or both as one change; indexes into ``rows``, negative for none.
  struct Delta: BitwiseCopyable {
    var old: Int
    var new: Int
    /// How many equal rows; 1 for a pair.
    var copies: Int
  }

  /// The rows as absorbed.
  let rows = RowBatch()
  // Unchecked for the reason given in `RowBatch`.
  @exclusivity(unchecked) private(set) var deltas: [Delta] = []

  private let slots: [ColumnSlot]
  private let identity: CanonicalKey
  private let hasher: RowHasher
  private let identities = RowBatch()
  @exclusivity(unchecked) private var hashes: [UInt64] = []
  /// Open addressing: the first row of each identity.
  @exclusivity(unchecked) private var heads: [Int32] = []
  /// The next row of the same identity.
  @exclusivity(unchecked) private var next: [Int32] = []
  /// The last row of the identity that a first row leads.
  @exclusivity(unchecked) private var last: [Int32] = []

  /// - Parameter columns: of the identity, in rows of `layout`.
  init(columns: [Int], layout: RowLayout, hasher: RowHasher) {
    slots = columns.map { layout.slots[$0] }
    identity = CanonicalKey(columns.map { layout.types[$0] })
    self.hasher = hasher
  }

  func removeAll() {
    rows.removeAll()
    identities.removeAll()
    deltas.removeAll(keepingCapacity: deltas.count < 65_536)
    hashes.removeAll(keepingCapacity: hashes.count < 65_536)
  }

  /// Finds the changes in what was absorbed into ``rows``.
  func pair() {
    chain()
    for first in 0..<rows.count where last[first] >= 0 { pairChain(from: first) }
  }

  /// Links the rows of each identity in the order they came.
  private func chain() {
    let count = rows.count
    var size = 8
    while size < 2 * count { size *= 2 }
    heads = Self.cleared(heads, size)
    next = Self.cleared(next, count)
    last = Self.cleared(last, count)
    for index in 0..<count {
      let row = rows.row(index)
      let key = identity.build { row.datum(slots[$0]) }
      let hash = hasher.hash(key)
      identities.append(key, weight: 0)
      hashes.append(hash)
      var place = Int(truncatingIfNeeded: hash) & (size - 1)
      while heads[place] >= 0 {
        let head = Int(heads[place])
        if hashes[head] == hash, identities.row(head) == key { break }
        place = (place + 1) & (size - 1)
      }
      if heads[place] < 0 {
        heads[place] = Int32(index)
        last[index] = Int32(index)
      } else {
        let head = Int(heads[place])
        next[Int(last[head])] = Int32(index)
        last[head] = Int32(index)
      }
    }
  }

  private static func cleared(_ array: [Int32], _ count: Int) -> [Int32] {
    guard array.count >= count, array.count <= max(1024, 4 * count) else {
      return Array(repeating: -1, count: count)
    }
    var reused = array
    for index in 0..<count { reused[index] = -1 }
    return reused
  }

  private func pairChain(from first: Int) {
    let second = next[first]
    guard second >= 0 else { return add(first, weight: rows.entries[first].weight) }
    if next[Int(second)] < 0 { return pairTwo(first, Int(second)) }
    pairMany(from: first)
  }

  /// The usual case: a group's old row and its new one.
  private func pairTwo(_ first: Int, _ second: Int) {
    let a = rows.entries[first].weight
    let b = rows.entries[second].weight
    if rows.row(first) == rows.row(second) {
      add(first, weight: a + b)
    } else if a == -1, b == 1 {
      deltas.append(Delta(old: first, new: second, copies: 1))
    } else if a == 1, b == -1 {
      deltas.append(Delta(old: second, new: first, copies: 1))
    } else {
      add(first, weight: a)
      add(second, weight: b)
    }
  }

  private func pairMany(from first: Int) {
    var net: [(row: Int, weight: Int)] = []
    var index = first
    while index >= 0 {
      let row = rows.row(index)
      let weight = rows.entries[index].weight
      // What goes most often came last: from the back, a row updated many times takes linear time.
      if let known = net.lastIndex(where: { rows.row($0.row) == row }) {
        net[known].weight += weight
        if net[known].weight == 0 { net.remove(at: known) }
      } else if weight != 0 {
        net.append((index, weight))
      }
      index = Int(next[index])
    }
    let gone = net.first { $0.weight == -1 }
    let come = net.first { $0.weight == 1 }
    if let gone, let come { deltas.append(Delta(old: gone.row, new: come.row, copies: 1)) }
    for entry in net {
      if gone != nil, come != nil, entry.row == gone?.row || entry.row == come?.row { continue }
      add(entry.row, weight: entry.weight)
    }
  }

  private func add(_ row: Int, weight: Int) {
    guard weight != 0 else { return }
    deltas.append(
      weight < 0
        ? Delta(old: row, new: -1, copies: -weight) : Delta(old: -1, new: row, copies: weight))
  }
}
