import Engine

/// What a call of a Postgres function is here.
enum FunctionResolver {
  /// The call as an expression; nil if the function is not supported.
  static func call(
    _ function: CatalogSnapshot.Function, _ arguments: [Expression], _ type: ColumnType
  ) -> Expression? {
    if let internalName = function.internalName,
      let scalar = ScalarFunction.named(internalName), (1...2).contains(arguments.count)
    {
      return simplified(scalar, arguments, type)
    }
    return byName(function.name, arguments, type)
  }

  /// Functions of language SQL, whose bodies are written out here.
  private static func byName(_ name: String, _ arguments: [Expression], _ type: ColumnType)
    -> Expression?
  {
    let zero = Expression.constant(Expression.Constant(.word(0), .int4))
    switch (name, arguments.map(\.type)) {
    case ("round", [.numeric]): return .call(.roundNumeric, [arguments[0], zero], type)
    case ("trunc", [.numeric]): return .call(.truncateNumeric, [arguments[0], zero], type)
    default: return nil
    }
  }

  /// Leaves out casts that change nothing: integers of every width are the same word.
  private static func simplified(
    _ function: ScalarFunction, _ arguments: [Expression], _ type: ColumnType
  ) -> Expression? {
    if case .narrowInt(let width) = function, arguments.count == 1,
      rank(arguments[0].type) <= rank(width)
    {
      return retyped(arguments[0], type, function)
    }
    return .call(function, arguments, type)
  }

  private static func rank(_ type: ColumnType) -> Int {
    switch type {
    case .bool: 0
    case .int2: 1
    case .int4: 2
    default: 3
    }
  }

  private static func rank(_ width: ScalarFunction.IntWidth) -> Int {
    switch width {
    case .int2: 1
    case .int4: 2
    case .int8: 3
    }
  }

  private static func retyped(
    _ expression: Expression, _ type: ColumnType, _ function: ScalarFunction
  ) -> Expression {
    switch expression {
    case .constant(let constant): .constant(Expression.Constant(constant.value, type))
    default: .call(function, [expression], type)
    }
  }
}
