import Engine

/// An aggregate as written, and what it is in terms of the few that the engine keeps.
///
/// `avg` is a sum over a count; `bool_and` holds while no row says false.
struct AggregateCall {
  let name: String
  let arguments: [Expression]
  let filter: Expression?
  let isDistinct: Bool

  var needsOrder: Bool { name == "min" || name == "max" }

  /// The value of the call; nil if it is not supported.
  ///
  /// - Parameter add: takes an aggregate of the engine's and returns the column that it becomes.
  func expression(adding add: (Plan.Aggregate) -> Expression) -> Expression? {
    if name == "count", !isDistinct, arguments.count <= 1 { return add(count(arguments.first)) }
    guard arguments.count == 1, let argument = arguments.first else { return nil }
    // The DISTINCT of min and max changes nothing; of sums it would need the values.
    switch (name, isDistinct) {
    case ("count", true) where argument.type.hasEquality:
      return add(Plan.Aggregate(.countDistinct, of: argument, filter: filter, type: .int8))
    case ("min", _):
      return add(Plan.Aggregate(.min, of: argument, filter: filter, type: argument.type))
    case ("max", _):
      return add(Plan.Aggregate(.max, of: argument, filter: filter, type: argument.type))
    case ("sum", false): return sum(argument).map(add)
    case ("avg", false): return average(argument, add)
    case ("bool_and", false), ("every", false):
      return boolean(argument, add, failing: .not(argument), whenNone: true)
    case ("bool_or", false): return boolean(argument, add, failing: argument, whenNone: false)
    default: return nil
    }
  }

  private func count(_ argument: Expression?) -> Plan.Aggregate {
    Plan.Aggregate(.count, of: argument, filter: filter, type: .int8)
  }

  private func sum(_ argument: Expression) -> Plan.Aggregate? {
    switch argument.type {
    case .int2, .int4: Plan.Aggregate(.sumInt, of: argument, filter: filter, type: .int8)
    case .int8: Plan.Aggregate(.sumIntAsNumeric, of: argument, filter: filter, type: .numeric)
    case .numeric: Plan.Aggregate(.sumNumeric, of: argument, filter: filter, type: .numeric)
    default: nil
    }
  }

  private func average(_ argument: Expression, _ add: (Plan.Aggregate) -> Expression)
    -> Expression?
  {
    let function: Plan.Aggregate.Function
    switch argument.type {
    case .int2, .int4, .int8: function = .sumIntAsNumeric
    case .numeric: function = .sumNumeric
    default: return nil
    }
    // The sum of no values is null, and so is the quotient.
    let sum = add(Plan.Aggregate(function, of: argument, filter: filter, type: .numeric))
    let count = Expression.call(.intToNumeric, [add(count(argument))], .numeric)
    return .call(.divideNumeric, [sum, count], .numeric)
  }

  private func boolean(
    _ argument: Expression, _ add: (Plan.Aggregate) -> Expression, failing: Expression,
    whenNone: Bool
  ) -> Expression? {
    guard argument.type == .bool else { return nil }
    let deciding = Plan.Aggregate(
      .count, of: nil, filter: Expression.conjunction([filter, failing].compactMap { $0 }),
      type: .int8)
    let zero = Expression.constant(Expression.Constant(.word(0), .int8))
    let none = Expression.call(.compareWords(.equal), [add(count(argument)), zero], .bool)
    let undecided = Expression.call(.compareWords(.equal), [add(deciding), zero], .bool)
    return .choose(
      [Expression.Branch(none, .null(.bool))], otherwise: whenNone ? undecided : .not(undecided),
      .bool)
  }
}
