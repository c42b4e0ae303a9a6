/// Turns expressions into the register code of a ``Program``.
///
/// Each subexpression gets a register of its own; one that occurs again outside a conditional part is
/// computed once.
struct ProgramCompiler {
  private let layouts: [RowLayout]
  /// Whether an operand of AND or OR that fails leaves it to those behind it to decide.
  private let isLenient: Bool
  private(set) var instructions: [Program.Instruction] = []
  private(set) var constants: [Expression.Constant] = []
  private(set) var lists: [Program.ConstantList] = []
  private(set) var registerCount = 0
  /// Registers of what is computed on every path to here.
  private var known: [Expression: Int] = [:]

  init(layouts: [RowLayout], isLenient: Bool = false) {
    self.layouts = layouts
    self.isLenient = isLenient
  }

  /// Emits code that leaves the expression's value in the register returned.
  mutating func compile(_ expression: Expression) -> Int {
    if let register = known[expression] { return register }
    let register = emit(expression)
    known[expression] = register
    return register
  }

  private mutating func emit(_ expression: Expression) -> Int {
    switch expression {
    case .column(let column):
      return append(.load(input: column.input, layouts[column.input].slots[column.index]))
    case .constant(let constant):
      constants.append(constant)
      return append(.constant(constants.count - 1))
    case .call(let function, let arguments, _): return call(function, arguments)
    case .and(let operands): return logic(operands, decidedBy: 0)
    case .or(let operands): return logic(operands, decidedBy: 1)
    case .not(let operand): return append(.not(compile(operand)))
    case .isNull(let operand): return append(.isNull(compile(operand)))
    case .isDistinct(let equality, let a, let b):
      return append(.isDistinct(equality, compile(a), compile(b)))
    case .choose(let branches, let otherwise, _): return choose(branches, otherwise)
    case .coalesce(let operands, _): return coalesce(operands)
    case .extremum(let precedes, let operands, let type):
      let result = compile(.null(type), into: newRegister())
      for operand in operands {
        append(.extremum(precedes, compile(operand)), into: result)
      }
      return result
    case .among(let value, let sorted):
      let start = constants.count
      constants += sorted.constants
      lists.append(
        Program.ConstantList(
          range: start..<constants.count, equal: sorted.equal, less: sorted.less))
      return append(.among(compile(value), list: lists.count - 1))
    }
  }

  private mutating func call(_ function: ScalarFunction, _ arguments: [Expression]) -> Int {
    let registers = arguments.map { compile($0) }
    return switch registers.count {
    case 1: append(.call1(function, registers[0]))
    default: append(.call2(function, registers[0], registers[1]))
    }
  }

  private mutating func logic(_ operands: [Expression], decidedBy deciding: Int64) -> Int {
    let result = compile(.bool(deciding == 0), into: newRegister())
    var exits: [Int] = []
    conditionally { compiler in
      for operand in operands {
        let register = compiler.compile(operand)
        exits.append(compiler.instructions.count)
        let operation: Program.Instruction.Operation =
          compiler.isLenient
          ? .lenientLogic(decidedBy: deciding, register, to: 0)
          : .logic(decidedBy: deciding, register, to: 0)
        compiler.append(operation, into: result)
      }
    }
    for exit in exits { retarget(exit, to: instructions.count) }
    return result
  }

  private mutating func choose(_ branches: [Expression.Branch], _ otherwise: Expression) -> Int {
    let result = newRegister()
    var exits: [Int] = []
    conditionally { compiler in
      for branch in branches {
        let condition = compiler.compile(branch.condition)
        exits.append(compiler.instructions.count)
        compiler.append(.jumpIfFault(condition, to: 0), into: result)
        let skip = compiler.instructions.count
        compiler.append(.jumpUnlessTrue(condition, to: 0), into: result)
        compiler.conditionally { inner in
          _ = inner.compile(branch.result, into: result)
          exits.append(inner.instructions.count)
          inner.append(.jump(to: 0), into: result)
        }
        compiler.retarget(skip, to: compiler.instructions.count)
      }
      _ = compiler.compile(otherwise, into: result)
    }
    for exit in exits { retarget(exit, to: instructions.count) }
    return result
  }

  private mutating func coalesce(_ operands: [Expression]) -> Int {
    let result = newRegister()
    var exits: [Int] = []
    conditionally { compiler in
      for operand in operands {
        _ = compiler.compile(operand, into: result)
        exits.append(compiler.instructions.count)
        compiler.append(.jumpIfNotNull(result, to: 0), into: result)
      }
    }
    for exit in exits { retarget(exit, to: instructions.count) }
    return result
  }

  /// Emits code that may be jumped over: what it computes is not known afterwards.
  private mutating func conditionally(_ body: (inout ProgramCompiler) -> Void) {
    let before = known
    body(&self)
    known = before
  }

  private mutating func compile(_ expression: Expression, into target: Int) -> Int {
    append(.move(compile(expression)), into: target)
    return target
  }

  private mutating func newRegister() -> Int {
    registerCount += 1
    return registerCount - 1
  }

  private mutating func append(_ operation: Program.Instruction.Operation) -> Int {
    let target = newRegister()
    append(operation, into: target)
    return target
  }

  private mutating func append(_ operation: Program.Instruction.Operation, into target: Int) {
    instructions.append(Program.Instruction(operation: operation, target: target))
  }

  private mutating func retarget(_ at: Int, to target: Int) {
    switch instructions[at].operation {
    case .jump: instructions[at].operation = .jump(to: target)
    case .jumpUnlessTrue(let a, _): instructions[at].operation = .jumpUnlessTrue(a, to: target)
    case .jumpIfFault(let a, _): instructions[at].operation = .jumpIfFault(a, to: target)
    case .jumpIfNotNull(let a, _): instructions[at].operation = .jumpIfNotNull(a, to: target)
    case .logic(let deciding, let a, _):
      instructions[at].operation = .logic(decidedBy: deciding, a, to: target)
    case .lenientLogic(let deciding, let a, _):
      instructions[at].operation = .lenientLogic(decidedBy: deciding, a, to: target)
    default: preconditionFailure("instruction \(at) does not jump")
    }
  }
}
