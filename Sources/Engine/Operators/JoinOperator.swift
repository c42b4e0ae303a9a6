/// An inner join of any number of inputs on equalities, with other conditions as a residual filter.
///
/// Each input keeps its own rows and nothing in between: a row that comes at one input is extended by the
/// others in turn, each looked up by what is bound so far. Inputs with changes are taken in order: a change meets the new
/// rows of the inputs before it and the old rows of those after it, so that each pair counts once.
final class JoinOperator: Operator {
  /// How a row of one input finds its partners: the others in the order they are bound.
  private struct Path {
    struct Step {
      let input: Int
      /// Of that input's arrangement.
      let index: Int
      /// For each key column of the index, the bound input and slot it equals.
      let sources: [(input: Int, slot: ColumnSlot)]
    }
    let steps: [Step]
  }

  final class Input {
    var arrangement: JoinArrangement
    let pending = RowBatch()
    var isCleared = false

    init(_ arrangement: consuming JoinArrangement) { self.arrangement = arrangement }
  }

  private let program: Program
  let inputs: [Input]
  private let paths: [Path]
  /// By input: the columns in equalities.
  private let joined: [[ColumnSlot]]
  private let bound: UnsafeMutablePointer<UnsafeRawPointer>
  /// One builder per step depth, since a key is in use while deeper ones are built.
  private let keys: [[CanonicalKey]]

  init(
    inputs layouts: [RowLayout], equalities: [Plan.JoinEquality], residual: Expression?,
    outputs: [Expression], hasher: RowHasher
  ) {
    let planned = JoinPaths(layouts: layouts, equalities: equalities)
    program = Program(filter: residual, outputs: outputs, layouts: layouts)
    inputs = layouts.indices.map { input in
      Input(
        JoinArrangement(
          layout: layouts[input], indexedBy: planned.indexes[input], hasher: hasher))
    }
    paths = planned.paths.map { steps in
      Path(
        steps: steps.map { step in
          Path.Step(
            input: step.input, index: step.index,
            sources: step.sources.map { ($0.input, layouts[$0.input].slots[$0.index]) })
        })
    }
    joined = layouts.indices.map { input in
      Set(equalities.flatMap { [$0.left, $0.right] }.filter { $0.input == input }.map(\.index))
        .sorted().map { layouts[input].slots[$0] }
    }
    keys = planned.paths.map { steps in
      steps.map { step in CanonicalKey(step.sources.map(\.type)) }
    }
    bound = .allocate(capacity: layouts.count)
    super.init(layout: RowLayout(outputs.map(\.type)))
  }

  deinit { bound.deallocate() }

  override func absorb(_ batch: RowBatch, port: Int) {
    inputs[port].pending.append(contentsOf: batch)
  }

  override func clear(port: Int) {
    inputs[port].pending.removeAll()
    let pending = inputs[port].pending
    inputs[port].arrangement.forEachRow { row, weight in pending.append(row, weight: -weight) }
  }

  override func flush() {
    for (number, input) in inputs.enumerated() where !input.pending.isEmpty {
      for entry in input.pending.entries {
        let row = input.pending.row(entry)
        if let fault = keyFault(row, number) {
          handOn(fault, weight: entry.weight)
          continue
        }
        bound[number] = row.base
        extend(paths[number], keys[number], from: 0, weight: entry.weight, fault: row.fault)
      }
      for entry in input.pending.entries {
        input.arrangement.add(input.pending.row(entry), weight: entry.weight)
      }
      input.pending.removeAll()
    }
    emit()
  }

  private func keyFault(_ row: RowRef, _ number: Int) -> ValueFault? {
    for slot in joined[number] {
      if case .fault(let fault) = row.datum(slot) { return fault }
    }
    return nil
  }

  /// Nobody knows what a row matches whose key failed: it goes on by itself, so that its failure shows.
  private func handOn(_ fault: ValueFault, weight: Int) {
    output.beginRow(layout)
    for slot in layout.slots { output.set(slot, .fault(fault)) }
    output.setFault(fault)
    output.endRow(weight: weight)
  }

  private func extend(
    _ path: Path, _ keys: [CanonicalKey], from depth: Int, weight: Int, fault: ValueFault?
  ) {
    guard depth < path.steps.count else { return handOn(weight, fault) }
    let step = path.steps[depth]
    var hasNull = false
    let key = keys[depth].build { position in
      let source = step.sources[position]
      let datum = RowRef.datum(at: bound[source.input], source.slot)
      switch datum {
      case .null, .fault: hasNull = true
      case .word, .bytes: break
      }
      return datum
    }
    guard !hasNull else { return }
    inputs[step.input].arrangement.forEachMatch(in: step.index, matching: key) { row, count in
      bound[step.input] = row.base
      extend(path, keys, from: depth + 1, weight: weight * count, fault: fault ?? row.fault)
    }
  }

  private func handOn(_ weight: Int, _ fault: ValueFault?) {
    var fault = fault
    switch program.run(UnsafePointer(bound)) {
    case .drop: return
    case .keep: break
    case .unknown(let failure): fault = fault ?? failure
    }
    output.beginRow(layout)
    for index in layout.slots.indices { output.set(layout.slots[index], program.output(index)) }
    if let fault { output.setFault(fault) }
    output.endRow(weight: weight)
    emitIfFull()
  }
}

/// In which order each input's rows look up the others, and which indexes that takes.
struct JoinPaths {
  struct Step {
    let input: Int
    let index: Int
    /// The bound columns that the index's columns equal, in their order.
    let sources: [Expression.Column]
  }

  /// By input, the column sets to index.
  private(set) var indexes: [[[Int]]]
  /// By input.
  private(set) var paths: [[Step]] = []

  init(layouts: [RowLayout], equalities: [Plan.JoinEquality]) {
    indexes = layouts.map { _ in [] }
    for input in layouts.indices { paths.append(path(from: input, layouts.count, equalities)) }
  }

  /// Binds next the input with most equalities to what is bound, so that few rows match.
  private mutating func path(from start: Int, _ count: Int, _ equalities: [Plan.JoinEquality])
    -> [Step]
  {
    var bound: Set<Int> = [start]
    var steps: [Step] = []
    while bound.count < count {
      let candidates = (0..<count).filter { !bound.contains($0) }
      let conditions = candidates.map { Self.conditions(on: $0, bound, equalities) }
      let best = conditions.indices.max {
        (conditions[$0].count, -$0) < (conditions[$1].count, -$1)
      }
      guard let best else { break }
      let input = candidates[best]
      let sorted = conditions[best].sorted { $0.own.index < $1.own.index }
      let index = indexNumber(of: sorted.map(\.own.index), input)
      steps.append(Step(input: input, index: index, sources: sorted.map(\.other)))
      bound.insert(input)
    }
    return steps
  }

  /// The equalities between columns of `input` and bound ones.
  private static func conditions(
    on input: Int, _ bound: Set<Int>, _ equalities: [Plan.JoinEquality]
  ) -> [(own: Expression.Column, other: Expression.Column)] {
    equalities.compactMap { equality in
      if equality.left.input == input, bound.contains(equality.right.input) {
        return (equality.left, equality.right)
      }
      if equality.right.input == input, bound.contains(equality.left.input) {
        return (equality.right, equality.left)
      }
      return nil
    }
  }

  private mutating func indexNumber(of columns: [Int], _ input: Int) -> Int {
    if let known = indexes[input].firstIndex(of: columns) { return known }
    indexes[input].append(columns)
    return indexes[input].count - 1
  }
}
