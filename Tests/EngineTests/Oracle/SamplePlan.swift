import TestSupport

@testable import Engine

/// A plan over three small tables, and what its tests need to know.
///
/// `facts(id, item, place, qty, price)`, `items(id, item, name, factor)`, `places(id, place, region)`: everything but the ids
/// repeats and is sometimes null.
struct SamplePlan: Sendable {
  let name: String
  var plan = Plan()
  /// Columns of every view whose numerics must have the right scale.
  var exactColumns: Set<Int> = []
  var allowsTruncate = true
  let facts, items, places: Plan.NodeID

  init(_ name: String, identity: Plan.Source.Identity) {
    self.name = name
    func source(_ name: String, _ columns: [(String, ColumnType)], in plan: inout Plan) -> Int {
      let node = plan.add(.source(plan.sources.count))
      plan.sources.append(
        Plan.Source(
          relation: UInt32(node), name: QualifiedName(schema: "public", name: name),
          columns: columns.enumerated().map { index, column in
            Plan.Source.Column(
              attribute: index + 1, name: column.0, type: column.1, typeOID: 0)
          }, identity: identity, node: node))
      return node
    }
    facts = source(
      "facts",
      [("id", .int8), ("item", .int4), ("place", .text), ("qty", .int4), ("price", .numeric)],
      in: &plan)
    items = source(
      "items", [("id", .int8), ("item", .int4), ("name", .text), ("factor", .int4)], in: &plan)
    places = source("places", [("id", .int8), ("place", .text), ("region", .text)], in: &plan)
  }

  /// A view whose declared key several rows turn out to share.
  static func sharedKey(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("shared", identity: identity)
    let node = sample.plan.add(
      .map(
        input: sample.facts, filter: nil,
        outputs: [column(1, .int4), column(2, .text), column(0, .int8)]))
    sample.addView("shared", node, shown: 2, key: [0], identity: [2])
    return sample
  }

  /// Serves a node; columns beyond `shown` are hidden.
  mutating func addView(
    _ name: String, _ node: Plan.NodeID, shown: Int? = nil, key: [Int] = [], identity: [Int]? = nil
  ) {
    let types = Array(plan.types(of: node).prefix(shown ?? .max))
    let columns = types.enumerated().map { index, type in
      Plan.View.Column(name: "c\(index)", type: type, typeName: "\(type)")
    }
    plan.views.append(
      Plan.View(
        name: QualifiedName(schema: "public", name: name), node: node, columns: columns, key: key,
        identity: identity ?? (key.isEmpty ? Array(types.indices) : key), definition: ""))
  }

  func tables() -> RandomTables {
    RandomTables(plan, allowsTruncate: allowsTruncate) { source, id, random in
      func small() -> Cell { random.oneIn(6) ? .null : .word(Int64(random.number(0...3))) }
      func name() -> Cell { random.oneIn(6) ? .null : .text(random.pick(["a", "bb", "c c", ""])) }
      func price() -> Cell {
        if random.oneIn(6) { return .null }
        let scale = random.number(0...3)
        let unscaled = random.pick([0, 1, -1, 10, 100, 1000, 150, -2250, 99_999])
        return .decimal(PlainDecimal(unscaled, scale: scale))
      }
      switch source {
      case 0: return [.word(id), small(), name(), small(), price()]
      case 1: return [.word(id), small(), name(), small()]
      default: return [.word(id), name(), name()]
      }
    }
  }
}

/// A column of a row that an expression reads.
func column(_ index: Int, _ type: ColumnType, of input: Int = 0) -> Expression {
  .column(Expression.Column(input: input, index: index, type: type))
}

func integer(_ value: Int64, _ type: ColumnType = .int4) -> Expression {
  .constant(Expression.Constant(.word(value), type))
}

func compare(
  _ a: Expression, _ comparison: ScalarFunction.Comparison, _ b: Expression
) -> Expression {
  .call(ScalarFunction.compare(a.type, comparison) ?? .compareWords(comparison), [a, b], .bool)
}
