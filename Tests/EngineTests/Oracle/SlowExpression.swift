@testable import Engine

extension Expression {
  /// The value over the rows of the inputs, by walking the tree: the oracle of ``Program``.
  func slowValue(_ rows: [[Cell]]) -> Cell {
    switch self {
    case .column(let column): rows[column.input][column.index]
    case .constant(let constant): Self.cell(constant)
    case .call(let function, let arguments, _):
      Self.call(function, arguments.map { $0.slowValue(rows) })
    case .and(let operands): Self.logic(operands, deciding: false, rows)
    case .or(let operands): Self.logic(operands, deciding: true, rows)
    case .not(let operand): Self.not(operand.slowValue(rows))
    case .isNull(let operand): Self.isNull(operand.slowValue(rows))
    case .isDistinct(let equality, let a, let b):
      Self.isDistinct(equality, a.slowValue(rows), b.slowValue(rows))
    case .choose(let branches, let otherwise, _): Self.choose(branches[...], otherwise, rows)
    case .coalesce(let operands, _): Self.coalesce(operands, rows)
    case .extremum(let precedes, let operands, _):
      Self.extremum(precedes, operands.map { $0.slowValue(rows) })
    case .among(let value, let list):
      Self.logic(
        list.constants.map { .call(list.equal, [value, .constant($0)], .bool) }, deciding: true,
        rows)
    }
  }

  private static func cell(_ constant: Constant) -> Cell {
    switch constant.value {
    case .null: .null
    case .word(let word): .word(word)
    case .bytes(let bytes): bytes.withUnsafeBytes { Cell(.bytes($0), constant.type) }
    }
  }

  private static func not(_ cell: Cell) -> Cell {
    if case .word(let word) = cell { .bool(word == 0) } else { cell }
  }

  private static func isNull(_ cell: Cell) -> Cell { cell == .fault ? .fault : .bool(cell.isNull) }

  /// Operands from left to right: the first that decides or fails ends it.
  private static func logic(_ operands: [Expression], deciding: Bool, _ rows: [[Cell]]) -> Cell {
    var hasNull = false
    for operand in operands {
      let value = operand.slowValue(rows)
      if value == .fault || value == .bool(deciding) { return value }
      if value.isNull { hasNull = true }
    }
    return hasNull ? .null : .bool(!deciding)
  }

  private static func choose(
    _ branches: ArraySlice<Branch>, _ otherwise: Expression, _ rows: [[Cell]]
  ) -> Cell {
    guard let branch = branches.first else { return otherwise.slowValue(rows) }
    let condition = branch.condition.slowValue(rows)
    if condition == .fault { return .fault }
    if condition.isTrue { return branch.result.slowValue(rows) }
    return choose(branches.dropFirst(), otherwise, rows)
  }

  private static func coalesce(_ operands: [Expression], _ rows: [[Cell]]) -> Cell {
    for operand in operands {
      let value = operand.slowValue(rows)
      if !value.isNull { return value }
    }
    return .null
  }

  private static func isDistinct(_ equality: ScalarFunction, _ a: Cell, _ b: Cell) -> Cell {
    if a == .fault || b == .fault { return .fault }
    if a.isNull || b.isNull { return .bool(a.isNull != b.isNull) }
    return not(call(equality, [a, b]))
  }

  private static func extremum(_ precedes: ScalarFunction, _ cells: [Cell]) -> Cell {
    if cells.contains(.fault) { return .fault }
    return cells.filter { !$0.isNull }.reduce(.null) { best, cell in
      best.isNull || call(precedes, [cell, best]).isTrue ? cell : best
    }
  }

  private static func call(_ function: ScalarFunction, _ arguments: [Cell]) -> Cell {
    if arguments.contains(.fault) { return .fault }
    if arguments.contains(.null) { return .null }
    switch (function, arguments[0], arguments.last ?? .null) {
    case (.compareWords(let comparison), let a, let b),
      (.compareNumerics(let comparison), let a, let b),
      (.compareBytes(let comparison), let a, let b):
      return .bool(comparison.holds(Cell.precedes(a, b) ? -1 : Cell.precedes(b, a) ? 1 : 0))
    case (.addInt(let width), .word(let a), .word(let b)): return width.fit(a + b)
    case (.subtractInt(let width), .word(let a), .word(let b)): return width.fit(a - b)
    case (.multiplyInt(let width), .word(let a), .word(let b)): return width.fit(a * b)
    case (.divideInt(let width), .word(let a), .word(let b)):
      return b == 0 ? .fault : width.fit(a / b)
    case (.concatenate, .text(let a), .text(let b)): return .text(a + b)
    default: preconditionFailure("the oracle does not know \(function)")
    }
  }
}

extension ScalarFunction.IntWidth {
  fileprivate func fit(_ value: Int64) -> Cell {
    let fits =
      switch self {
      case .int2: Int16(exactly: value) != nil
      case .int4: Int32(exactly: value) != nil
      case .int8: true
      }
    return fits ? .word(value) : .fault
  }
}
