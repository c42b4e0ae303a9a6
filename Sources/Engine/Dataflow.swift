/// A plan at work: tables in, changes of views out.
///
/// Belongs to one queue. A step is what one source transaction, or several on end, changed: fill ``inputs``, then
/// ``finishStep(at:committedAt:xid:)``. After a fault the state is of no use: build a new dataflow from a snapshot, whose
/// first step publishes the difference to what readers see.
package final class Dataflow {
  /// One per source of the plan, in its order.
  package let inputs: [TableInput]
  package let plan: Plan

  /// What a state must be of to be restored here.
  package let stateFingerprint: PlanFingerprint

  let store: ViewStore
  let operators: [Operator]
  let sinks: [ViewSink]
  /// Those of operators and sinks that keep something.
  let keepers: [any StateKeeper]
  let directory: ViewDirectory
  var hasPublished = false
  /// Whether a table's rows are not known any more.
  package private(set) var isDistrusted = false

  /// - Parameters:
  ///   - refused: why views are not in the plan that may have been in an earlier one, by configured name.
  ///   - store: where the rows of the plan's views are, and go.
  package init(plan: Plan, refused: [String: String] = [:], store: ViewStore) {
    self.plan = plan
    self.store = store
    stateFingerprint = PlanFingerprint(of: plan)
    var operators: [Operator] = []
    var inputs: [TableInput] = []
    for node in plan.nodes.indices {
      let built = Self.makeOperator(plan, node, operators, hasher: store.hasher)
      if let input = built as? TableInput { inputs.append(input) }
      for (port, input) in plan.inputs(of: node).enumerated() {
        operators[input].connect(to: built, port: port)
      }
      operators.append(built)
    }
    let live = store.views(for: plan.views)
    directory = ViewDirectory(live + store.frozenViews(besides: plan.views, refused: refused))
    sinks = live.map { view in
      let node = view.definition.node
      let sink = ViewSink(
        view: view, node: node, layout: operators[node].layout, hasher: store.hasher)
      operators[node].connect(to: sink, port: 0)
      return sink
    }
    self.inputs = inputs
    self.operators = operators
    keepers = (operators + sinks).compactMap { $0 as? any StateKeeper }
  }

  /// Makes the step's changes visible, all at once, and hands them to who listens.
  ///
  /// - Parameters:
  ///   - committedAt: microseconds since 2000-01-01 UTC; nil for a snapshot.
  ///   - xid: of the last transaction in the step; nil for a snapshot.
  ///   - isJoined: whether the step is more than one transaction.
  package func finishStep(
    at position: Position, committedAt: Int64?, xid: UInt32?, isJoined: Bool = false
  ) throws(DataflowFault) {
    for node in operators { try node.flush() }
    let sequence = store.nextSequence()
    let isFirst = store.gate.visible.position == nil
    let isListenedTo = !store.feed.listeners(isFirst: isFirst).isEmpty
    let changes: [ViewChange]
    do throws(DataflowFault) { changes = try apply(sequence, isListenedTo: isListenedTo) } catch {
      store.rollBack(directory)
      throw error
    }
    store.holdWitness?.stepIsApplied(directory, sequence: sequence, position: position)
    if isFirst || !changes.isEmpty {
      let batch = ChangeBatch(
        sequence: sequence, position: position, committedAt: committedAt, xid: xid,
        spansFrom: isJoined || committedAt == nil ? store.gate.visible.position : nil,
        changes: changes)
      store.feed.send(batch, isFirst: isFirst)
    }
    store.publish(
      sequence: sequence, position: position, directory: hasPublished ? nil : directory)
    hasPublished = true
    store.holdWitness?.stepIsVisible()
    if isFirst || !changes.isEmpty { store.feed.announce() }
    for sink in sinks { sink.endStep() }
    store.prune(directory)
  }

  /// Degrades the views that read a table whose rows are not known any more, until there is a new dataflow.
  ///
  /// - Returns: their names.
  package func distrust(table relation: UInt32, _ reason: String) -> [QualifiedName] {
    var tainted: Set<Plan.NodeID> = []
    for node in plan.nodes.indices {
      if case .source(let index) = plan.nodes[node] {
        if plan.sources[index].relation == relation { tainted.insert(node) }
      } else if plan.inputs(of: node).contains(where: tainted.contains) {
        tainted.insert(node)
      }
    }
    let views = directory.views.filter { view in
      plan.views.contains { $0.name == view.name } && tainted.contains(view.definition.node)
    }
    isDistrusted = true
    for view in views { view.setDistrust(reason) }
    return views.map(\.name)
  }

  private func apply(_ sequence: UInt64, isListenedTo: Bool) throws(DataflowFault) -> [ViewChange] {
    var changes: [ViewChange] = []
    for sink in sinks {
      changes.append(contentsOf: try sink.apply(sequence: sequence, isListenedTo: isListenedTo))
    }
    return changes
  }

  private static func makeOperator(
    _ plan: Plan, _ node: Int, _ built: [Operator], hasher: RowHasher
  ) -> Operator {
    switch plan.nodes[node] {
    case .source(let index):
      TableInput(source: plan.sources[index], node: node, hasher: hasher)
    case .map(let input, let filter, let outputs):
      MapOperator(filter: filter, outputs: outputs, input: built[input].layout)
    case .aggregate(let input, let filter, let keys, let aggregates):
      AggregateOperator(
        filter: filter, keys: keys, aggregates: aggregates, input: built[input].layout, node: node,
        hasher: hasher)
    case .join(let inputs, let equalities, let residual, let outputs):
      JoinOperator(
        inputs: inputs.map { built[$0].layout }, equalities: equalities, residual: residual,
        outputs: outputs, hasher: hasher)
    case .outerJoin(let left, let right, let kind, let equalities, let residual, let outputs):
      OuterJoinOperator(
        left: built[left].layout, right: built[right].layout, kind: kind, equalities: equalities,
        residual: residual, outputs: outputs, node: node, hasher: hasher)
    case .union: UnionOperator(layout: RowLayout(plan.types(of: node)), node: node)
    }
  }
}

extension Plan {
  /// The nodes that a node reads, in the order of its ports.
  package func inputs(of node: NodeID) -> [NodeID] {
    switch nodes[node] {
    case .source: []
    case .map(let input, _, _), .aggregate(let input, _, _, _): [input]
    case .join(let inputs, _, _, _), .union(let inputs): inputs
    case .outerJoin(let left, let right, _, _, _, _): [left, right]
    }
  }
}
