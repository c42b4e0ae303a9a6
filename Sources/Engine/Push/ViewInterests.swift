/// The interests in one view, found by what changed: the cost of a change does not grow with interests in other rows.
final class ViewInterests {
  /// The interests that want one column to have some value.
  private final class ColumnIndex {
    let column: Int
    let slot: ColumnSlot
    private let key: CanonicalKey
    private let hasher: RowHasher
    /// Payload: the place in `lists`.
    private var values = RowTable(payloadBytes: 8)
    private var lists: [[Interest]] = []
    private var freeLists: [Int] = []

    init(_ view: LiveView, column: Int, hasher: RowHasher) {
      self.column = column
      slot = view.rowLayout.slots[column]
      key = CanonicalKey([view.definition.columns[column].type])
      self.hasher = hasher
    }

    var isEmpty: Bool { values.count == 0 }

    /// The interests in the value that a row has; nil if nobody knows it.
    func find(_ row: RowRef) -> [Interest]? {
      let datum = row.datum(slot)
      if case .fault = datum { return nil }
      let value = key.build { _ in datum }
      guard let record = values.find(value, hash: hasher.hash(value)) else { return [] }
      return lists[record.payload.load(as: Int.self)]
    }

    func add(_ interest: Interest, under value: [UInt8]) {
      value.withRow { row in
        var inserted = false
        let record = values.findOrInsert(row, hash: hasher.hash(row), inserted: &inserted)
        if inserted {
          let place = freeLists.popLast() ?? lists.count
          if place == lists.count { lists.append([]) }
          record.payload.storeBytes(of: place, as: Int.self)
        }
        lists[record.payload.load(as: Int.self)].append(interest)
      }
    }

    func remove(_ interest: Interest, under value: [UInt8]) {
      value.withRow { row in
        guard let record = values.find(row, hash: hasher.hash(row)) else { return }
        let place = record.payload.load(as: Int.self)
        lists[place].removeAll { $0 === interest }
        guard lists[place].isEmpty else { return }
        values.remove(record)
        freeLists.append(place)
      }
    }
  }

  let view: LiveView
  private let hasher: RowHasher
  private let marks: MarkBudget
  private(set) var byName: [[UInt8]: Interest] = [:]
  private var indexes: [ColumnIndex] = []
  /// Interests that any row may concern.
  private var others: [Interest] = []
  /// Those that the step at hand has marked.
  private var touched: [Interest] = []

  /// - Parameter marks: of all interests of the thread.
  init(_ view: LiveView, hasher: RowHasher, _ marks: MarkBudget) {
    self.view = view
    self.hasher = hasher
    self.marks = marks
  }

  var isEmpty: Bool { byName.isEmpty }

  func add(_ interest: Interest) {
    byName[interest.name] = interest
    interest.budget = marks
    guard let probe = interest.probe else { return others.append(interest) }
    let index = indexes.first { $0.column == probe.column } ?? makeIndex(probe.column)
    for value in probe.values { index.add(interest, under: value) }
  }

  func remove(_ interest: Interest) {
    byName[interest.name] = nil
    guard let probe = interest.probe else { return others.removeAll { $0 === interest } }
    guard let index = indexes.first(where: { $0.column == probe.column }) else { return }
    for value in probe.values { index.remove(interest, under: value) }
    if index.isEmpty { indexes.removeAll { $0 === index } }
  }

  /// Marks what a step changed and tells the followers.
  ///
  /// - Parameter makeRoom: called where more marks are held than may be.
  func take(_ changes: [RecordedChange], makeRoom: () -> Void) {
    // What goes comes first: the key of a row may be another row's afterwards.
    for change in changes where change.old != nil {
      forEachInterest(change.old) { $0.markGone(change, hasher) }
      if marks.isExceeded { makeRoom() }
    }
    for change in changes where change.new != nil {
      forEachInterest(change.new) { $0.markPresent(change, hasher) }
      if marks.isExceeded { makeRoom() }
    }
    for interest in touched {
      interest.tellFollowers()
      interest.countMarks()
    }
    touched.removeAll(keepingCapacity: touched.count < 4_096)
  }

  private func forEachInterest(_ row: RowRef?, _ body: (Interest) -> Void) {
    guard let row else { return }
    for interest in others { visit(interest, body) }
    for index in indexes {
      for interest in index.find(row) ?? all(of: index) { visit(interest, body) }
    }
  }

  private func all(of index: ColumnIndex) -> [Interest] {
    byName.values.filter { $0.probe?.column == index.column }
  }

  private func visit(_ interest: Interest, _ body: (Interest) -> Void) {
    let wasUntold = interest.hasUntoldMarks
    body(interest)
    guard interest.hasUntoldMarks else { return }
    interest.countMarks()
    if !wasUntold { touched.append(interest) }
  }

  private func makeIndex(_ column: Int) -> ColumnIndex {
    let index = ColumnIndex(view, column: column, hasher: hasher)
    indexes.append(index)
    return index
  }
}

extension [UInt8] {
  /// These bytes as a row.
  func withRow<Result>(_ body: (RowRef) -> Result) -> Result {
    withUnsafeBytes { bytes in
      // Rows are never empty.
      body(RowRef(base: bytes.baseAddress.unsafelyUnwrapped, count: bytes.count))
    }
  }
}
