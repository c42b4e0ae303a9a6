/// A SQL expression, resolved: every column, function and type is known.
package indirect enum Expression: Hashable, Sendable {
  case column(Column)
  case constant(Constant)
  /// A strict function: NULL if an argument is.
  case call(ScalarFunction, [Expression], ColumnType)
  case and([Expression])
  case or([Expression])
  case not(Expression)
  case isNull(Expression)
  /// `a IS DISTINCT FROM b`, by the given equality.
  case isDistinct(equality: ScalarFunction, Expression, Expression)
  /// `CASE WHEN`: the result of the first branch whose condition is true.
  case choose([Branch], otherwise: Expression, ColumnType)
  case coalesce([Expression], ColumnType)
  /// `GREATEST` and `LEAST`, which pass over NULLs: `precedes` tells which of two wins.
  case extremum(precedes: ScalarFunction, [Expression], ColumnType)
  /// `value IN (...)` of constants, none of them NULL.
  case among(Expression, SortedConstants)

  /// A column of one of the rows that the expression reads; only joins read several.
  package struct Column: Hashable, Sendable {
    package var input: Int
    package var index: Int
    package let type: ColumnType

    package init(input: Int = 0, index: Int, type: ColumnType) {
      self.input = input
      self.index = index
      self.type = type
    }
  }

  /// Constants to be searched, with the functions of their type that tell which is equal and which comes first.
  package struct SortedConstants: Hashable, Sendable {
    package let constants: [Constant]
    package let equal: ScalarFunction
    package let less: ScalarFunction

    /// - Parameter constants: in the order of `less`.
    package init(_ constants: [Constant], equal: ScalarFunction, less: ScalarFunction) {
      self.constants = constants
      self.equal = equal
      self.less = less
    }
  }

  package struct Branch: Hashable, Sendable {
    package var condition: Expression
    package var result: Expression

    package init(_ condition: Expression, _ result: Expression) {
      self.condition = condition
      self.result = result
    }
  }

  package struct Constant: Hashable, Sendable {
    package enum Value: Hashable, Sendable {
      case null
      case word(Int64)
      case bytes([UInt8])
    }
    package let value: Value
    package let type: ColumnType

    package init(_ value: Value, _ type: ColumnType) {
      self.value = value
      self.type = type
    }
  }

  package static func bool(_ value: Bool) -> Expression {
    .constant(Constant(.word(value ? 1 : 0), .bool))
  }

  package static func null(_ type: ColumnType) -> Expression { .constant(Constant(.null, type)) }

  package var type: ColumnType {
    switch self {
    case .column(let column): column.type
    case .constant(let constant): constant.type
    case .call(_, _, let type), .choose(_, _, let type), .coalesce(_, let type),
      .extremum(_, _, let type):
      type
    case .and, .or, .not, .isNull, .isDistinct, .among: .bool
    }
  }

  /// The expressions directly below.
  package var children: [Expression] {
    switch self {
    case .column, .constant: []
    case .call(_, let arguments, _), .and(let arguments), .or(let arguments),
      .coalesce(let arguments, _), .extremum(_, let arguments, _):
      arguments
    case .not(let operand), .isNull(let operand), .among(let operand, _): [operand]
    case .isDistinct(_, let a, let b): [a, b]
    case .choose(let branches, let otherwise, _):
      branches.flatMap { [$0.condition, $0.result] } + [otherwise]
    }
  }

  package var columns: Set<Column> {
    if case .column(let column) = self { return [column] }
    return children.reduce(into: []) { $0.formUnion($1.columns) }
  }

  /// The inputs whose columns the expression reads.
  package var inputs: Set<Int> { Set(columns.map(\.input)) }

  /// The expression with `replace` applied from the top: where it answers, what it answers stands.
  package func rewritten<Failure: Error>(
    _ replace: (Expression) throws(Failure) -> Expression?
  ) throws(Failure) -> Expression {
    if let replacement = try replace(self) { return replacement }
    func all(_ list: [Expression]) throws(Failure) -> [Expression] {
      var result: [Expression] = []
      for element in list { result.append(try element.rewritten(replace)) }
      return result
    }
    switch self {
    case .column, .constant: return self
    case .call(let function, let arguments, let type):
      return .call(function, try all(arguments), type)
    case .and(let operands): return .and(try all(operands))
    case .or(let operands): return .or(try all(operands))
    case .not(let operand): return .not(try operand.rewritten(replace))
    case .isNull(let operand): return .isNull(try operand.rewritten(replace))
    case .isDistinct(let equality, let a, let b):
      return .isDistinct(equality: equality, try a.rewritten(replace), try b.rewritten(replace))
    case .choose(let branches, let otherwise, let type):
      var rewritten: [Branch] = []
      for branch in branches {
        rewritten.append(
          Branch(try branch.condition.rewritten(replace), try branch.result.rewritten(replace)))
      }
      return .choose(rewritten, otherwise: try otherwise.rewritten(replace), type)
    case .coalesce(let operands, let type): return .coalesce(try all(operands), type)
    case .extremum(let precedes, let operands, let type):
      return .extremum(precedes: precedes, try all(operands), type)
    case .among(let value, let constants): return .among(try value.rewritten(replace), constants)
    }
  }

  /// The expression with each column replaced.
  package func mapColumns(_ replace: (Column) -> Expression) -> Expression {
    rewritten { (node: Expression) -> Expression? in
      if case .column(let column) = node { replace(column) } else { nil }
    }
  }
}
