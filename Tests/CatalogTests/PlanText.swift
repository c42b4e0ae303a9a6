import Engine

@testable import Catalog

extension Plan {
  /// One line for each node and view: `2 join 0 1 on 0.1=1.0 show 0.0 1.1`.
  var lines: [String] {
    nodes.indices.map { "\($0) \(line(nodes[$0]))" } + views.map(line)
  }

  private func line(_ operation: Operation) -> String {
    switch operation {
    case .source(let index):
      let columns = sources[index].columns.map(\.name).joined(separator: ",")
      return "source \(sources[index].name.name)(\(columns)) \(sources[index].identity)"
    case .map(let input, let filter, let outputs):
      return "map \(input)\(Self.condition(filter)) show \(Self.list(outputs))"
    case .aggregate(let input, let filter, let keys, let aggregates):
      let shown = aggregates.map { aggregate in
        let argument = aggregate.argument.map(Self.text) ?? "*"
        return "\(aggregate.function)(\(argument))" + Self.condition(aggregate.filter)
      }
      return "aggregate \(input)\(Self.condition(filter)) by \(Self.list(keys)) show "
        + shown.joined(separator: " ")
    case .join(let inputs, let equalities, let residual, let outputs):
      let on = equalities.map { "\(Self.text(.column($0.left)))=\(Self.text(.column($0.right)))" }
      return "join \(inputs.map(String.init).joined(separator: ",")) on "
        + on.joined(separator: " ") + "\(Self.condition(residual)) show \(Self.list(outputs))"
    case .outerJoin(let left, let right, let kind, let equalities, let residual, let outputs):
      let on = equalities.map { "\(Self.text(.column($0.left)))=\(Self.text(.column($0.right)))" }
      return "\(kind) join \(left),\(right) on "
        + on.joined(separator: " ") + "\(Self.condition(residual)) show \(Self.list(outputs))"
    case .union(let inputs): return "union \(inputs.map(String.init).joined(separator: ","))"
    }
  }

  private func line(_ view: View) -> String {
    let columns = view.columns.map { "\($0.name):\($0.type)" }.joined(separator: ",")
    return "view \(view.name.name)(\(columns)) node \(view.node) key \(view.key) identity "
      + "\(view.identity)"
  }

  private static func condition(_ expression: Expression?) -> String {
    expression.map { " if \(text($0))" } ?? ""
  }

  private static func list(_ expressions: [Expression]) -> String {
    expressions.map(text).joined(separator: " ")
  }

  private static func text(_ expression: Expression) -> String {
    let below = expression.children.map(text).joined(separator: " ")
    switch expression {
    case .column(let column): return "\(column.input).\(column.index)"
    case .constant(let constant): return "\(constant.value)"
    case .call(let function, _, _): return "\(function)[\(below)]"
    case .and: return "and[\(below)]"
    case .or: return "or[\(below)]"
    case .not: return "not[\(below)]"
    case .isNull: return "isNull[\(below)]"
    case .isDistinct(let equality, _, _): return "distinct \(equality)[\(below)]"
    case .choose: return "case[\(below)]"
    case .coalesce: return "coalesce[\(below)]"
    case .extremum(let precedes, _, _): return "extremum \(precedes)[\(below)]"
    case .among(_, let list): return "among \(list.constants.map { "\($0.value)" })[\(below)]"
    }
  }
}
