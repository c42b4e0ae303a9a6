import Runtime
import TestSupport

@testable import Engine

/// Steps of one view with made-up rows, published as a dataflow does, and what they come to.
final class RandomSteps {
  typealias Rows = [Int64: String]

  let store: ViewStore
  let view: LiveView
  private(set) var rows: Rows = [:]
  private(set) var lsn: UInt64 = 100
  private var sequence: UInt64 = 0
  private var isPublished = false
  /// Called behind each step.
  var ended: () -> Void = {}
  private let key: CanonicalKey
  private let batch = RowBatch()
  private let keyBatch = RowBatch()

  static let definition = Plan.View(
    name: QualifiedName(schema: "public", name: "v"), node: 0,
    columns: [("id", ColumnType.int8), ("text", .text)].map {
      Plan.View.Column(name: $0.0, type: $0.1, typeName: "\($0.1)")
    }, key: [0], identity: [0], definition: "SELECT id, text FROM t")

  /// Goes on with what the store has, if it has the view; else it begins with nothing.
  ///
  /// - Parameter last: where its positions go on from.
  init(_ store: ViewStore, after last: Position?) {
    self.store = store
    let visible = store.gate.visible
    if let view = visible.views.views.first {
      self.view = LiveView(definition: view.definition, table: view.table)
    } else {
      view = LiveView(definition: Self.definition, table: store.makeTable(Self.definition))
    }
    key = view.makeKeyBuilder()
    lsn = last?.lsn.value ?? lsn
    rows = published
  }

  // A name of the tests' own.
  static let epoch = Epoch("test") ?? Epoch(systemIdentifier: 0, timeline: 0, rewinds: 0)

  var position: Position { Position(epoch: Self.epoch, lsn: LSN(lsn)) }

  /// What readers see.
  var published: Rows {
    var rows: Rows = [:]
    view.table.forEachRow(at: store.gate.visible.sequence) { version in
      let json = String(decoding: version.json, as: UTF8.self)
      guard case .word(let id) = version.row.datum(view.rowLayout.slots[0]),
        let text = text(version.row), json == "{\"id\":\(id),\"text\":\"\(text)\"}"
      else { return }
      rows[id] = text
    }
    return rows
  }

  /// Makes the next step visible.
  func next(
    _ random: inout SeededRandom, key range: ClosedRange<Int> = 1...50, textBytes: Int = 20,
    changes count: Int = 3
  ) {
    var changes: Rows = [:]
    for _ in 0..<random.number(1...count) {
      let id = Int64(random.number(range))
      changes[id] = rows[id] != nil && random.oneIn(3) ? "" : text(&random, textBytes)
    }
    lsn += UInt64(random.number(1...9))
    publish(changes.mapValues { $0.isEmpty ? nil : $0 }, committedAt: Clock().wallMicroseconds)
  }

  /// Moves the position where nothing changed.
  func idle(_ random: inout SeededRandom) {
    lsn += UInt64(random.number(1...9))
    store.advance(to: position)
  }

  private func publish(_ new: [Int64: String?], committedAt: Int64?) {
    let changed = new.keys.sorted().filter { rows[$0] != new[$0] ?? nil }
    batch.removeAll()
    keyBatch.removeAll()
    var places: [(id: Int64, old: Int?, new: Int?)] = []
    for id in changed {
      let old = rows[id].map { append(id, $0) }
      let row = (new[id] ?? nil).map { append(id, $0) }
      keyBatch.append(key.build { _ in .word(id) }, weight: 1)
      places.append((id, old, row))
      rows[id] = new[id] ?? nil
    }
    sequence = store.nextSequence()
    let changes = places.enumerated().map { index, place in
      ViewChange(
        view: view, key: keyBatch.row(index), formerKey: nil,
        old: place.old.map { batch.row($0) }, new: place.new.map { batch.row($0) },
        copies: place.new == nil ? 0 : 1)
    }
    for change in changes { write(change) }
    let isFirst = store.gate.visible.position == nil
    store.feed.send(
      ChangeBatch(
        sequence: sequence, position: position, committedAt: committedAt, xid: 3,
        changes: changes), isFirst: isFirst)
    let directory = isPublished ? nil : ViewDirectory([view])
    store.publish(sequence: sequence, position: position, directory: directory)
    isPublished = true
    store.feed.announce()
    store.prune(ViewDirectory([view]))
    ended()
  }

  private func write(_ change: ViewChange) {
    view.table.edit(change.key) { slot in
      guard let row = change.new else { return slot.remove(sequence: sequence) }
      var json: [UInt8] = []
      view.rowWriter.write(row, to: &json)
      json.withUnsafeBytes {
        slot.put(row, json: $0, copies: 1, fault: nil, sequence: sequence)
      }
    }
  }

  private func append(_ id: Int64, _ text: String) -> Int {
    let slots = view.rowLayout.slots
    batch.beginRow(view.rowLayout)
    batch.set(slots[0], .word(id))
    Array(text.utf8).withUnsafeBytes { batch.set(slots[1], .bytes($0)) }
    batch.endRow(weight: 1)
    return batch.count - 1
  }

  private func text(_ random: inout SeededRandom, _ bytes: Int) -> String {
    if bytes >= 1 << 20 { return String(repeating: "a", count: bytes) }
    return String(repeating: random.pick(["a", "b", "ü"]), count: random.number(0...bytes))
      + "\(random.number(0...999))"
  }

  private func text(_ row: RowRef) -> String? {
    guard case .bytes(let bytes) = row.datum(view.rowLayout.slots[1]) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What changes lead to who knew `rows`.
  func apply(_ steps: [RecordedStep], to rows: inout Rows) {
    for section in steps.flatMap({ $0.sections ?? [] }) {
      for change in section.changes {
        guard case .word(let id) = change.key.datum(view.keySlots[0]) else { continue }
        rows[id] = change.new.flatMap(text)
      }
    }
  }
}
