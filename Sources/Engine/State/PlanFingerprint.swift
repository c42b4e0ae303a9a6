/// Tells a plan from others: the same for the same plan in every process, and whatever changes what operators keep changes it.
///
/// Over the tables with their columns as delivered, the operators in their order with all expressions, and the views; without the text
/// of the views' definitions, which says nothing that the operators don't.
package struct PlanFingerprint: Hashable, Sendable, CustomStringConvertible {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  package init(of plan: Plan) {
    var text = PlanSpelling()
    text.add(plan)
    (high, low) = text.bytes.withUnsafeBytes { bytes in
      (Self.hashers.0.hash(bytes), Self.hashers.1.hash(bytes))
    }
  }

  /// Fixed: the hash outlives the process.
  private static let hashers = (
    RowHasher(seed: 0x706c_616e_2068_6967), RowHasher(seed: 0x706c_616e_206c_6f77)
  )

  package var description: String {
    [high, low].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

/// A plan spelled out as bytes from which it could be read again: no two plans have the same.
private struct PlanSpelling {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ plan: Plan) {
    add(plan.sources) { $0.add($1) }
    add(plan.nodes) { $0.add($1) }
    add(plan.views) { $0.add($1) }
  }

  // MARK: Elements

  private mutating func add(_ number: Int) {
    Swift.withUnsafeBytes(of: Int64(number).littleEndian) { bytes.append(contentsOf: $0) }
  }

  private mutating func add(_ text: String) {
    add(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func add<Element>(
    _ list: [Element], _ addElement: (inout Self, Element) -> Void
  ) {
    add(list.count)
    for element in list { addElement(&self, element) }
  }

  private mutating func add(_ numbers: [Int]) { add(numbers) { $0.add($1) } }

  private mutating func add(_ type: ColumnType) { bytes.append(type.rawValue) }

  private mutating func add(_ name: QualifiedName) {
    add(name.schema)
    add(name.name)
  }

  // MARK: Tables and views

  private mutating func add(_ source: Plan.Source) {
    add(Int(source.relation))
    add(source.name)
    add(source.node)
    add(source.columns) { spelling, column in
      spelling.add(column.attribute)
      spelling.add(column.name)
      spelling.add(column.type)
      spelling.add(Int(column.typeOID))
    }
    switch source.identity {
    case .full: add(0)
    case .key(let columns):
      add(1)
      add(columns)
    }
  }

  private mutating func add(_ view: Plan.View) {
    add(view.name)
    add(view.node)
    add(view.columns) { spelling, column in
      spelling.add(column.name)
      spelling.add(column.type)
      spelling.add(column.typeName)
      spelling.add(column.ordering.isByBytes ? 1 : 0)
      spelling.add(column.ordering.hasASCIICaseOnly ? 1 : 0)
      spelling.add(column.ordering.labels) { $0.add($1) }
    }
    add(view.key)
    add(view.identity)
  }

  // MARK: Operators

  private mutating func add(_ operation: Plan.Operation) {
    switch operation {
    case .source(let index):
      add(0)
      add(index)
    case .map(let input, let filter, let outputs):
      add(1)
      add(input)
      add(filter)
      add(outputs)
    case .aggregate(let input, let filter, let keys, let aggregates):
      add(2)
      add(input)
      add(filter)
      add(keys)
      add(aggregates) { $0.add($1) }
    case .join(let inputs, let equalities, let residual, let outputs):
      add(3)
      add(inputs)
      add(equalities)
      add(residual)
      add(outputs)
    case .outerJoin(let left, let right, let kind, let equalities, let residual, let outputs):
      add(4)
      add([left, right])
      add(kind == .full ? 1 : 0)
      add(equalities)
      add(residual)
      add(outputs)
    case .union(let inputs):
      add(5)
      add(inputs)
    }
  }

  private mutating func add(_ aggregate: Plan.Aggregate) {
    add("\(aggregate.function)")
    add(aggregate.argument)
    add(aggregate.filter)
    add(aggregate.type)
  }

  private mutating func add(_ equalities: [Plan.JoinEquality]) {
    add(equalities) { spelling, equality in
      spelling.add(equality.left)
      spelling.add(equality.right)
    }
  }

  // MARK: Expressions

  private mutating func add(_ column: Expression.Column) {
    add(column.input)
    add(column.index)
    add(column.type)
  }

  private mutating func add(_ expression: Expression?) {
    guard let expression else { return add(0) }
    add(1)
    add(expression)
  }

  private mutating func add(_ expressions: [Expression]) { add(expressions) { $0.add($1) } }

  private mutating func add(_ expression: Expression) {
    switch expression {
    case .column(let column):
      add(0)
      add(column)
    case .constant(let constant): add(constant)
    case .call(let function, _, let type):
      add(2)
      add("\(function)")
      add(type)
    case .and: add(3)
    case .or: add(4)
    case .not: add(5)
    case .isNull: add(6)
    case .isDistinct(let equality, _, _):
      add(7)
      add("\(equality)")
    case .choose(_, _, let type):
      add(8)
      add(type)
    case .coalesce(_, let type):
      add(9)
      add(type)
    case .extremum(let precedes, _, let type):
      add(10)
      add("\(precedes)")
      add(type)
    case .among(_, let sorted):
      add(11)
      add("\(sorted.equal)")
      add(sorted.constants) { $0.add($1) }
    }
    add(expression.children)
  }

  private mutating func add(_ constant: Expression.Constant) {
    add(1)
    add(constant.type)
    switch constant.value {
    case .null: add(0)
    case .word(let word):
      add(1)
      add(Int(word))
    case .bytes(let value):
      add(2)
      add(value.count)
      bytes.append(contentsOf: value)
    }
  }
}
