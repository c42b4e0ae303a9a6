/// Expressions compiled to register code, run once per row without allocating.
///
/// A program has a filter, or none, and outputs. ``run(_:)`` evaluates the filter first and the outputs only
/// for rows that pass; results stay in registers until the next run.
package final class Program {
  /// What the filter says of a row.
  package enum Verdict {
    case keep
    case drop
    /// The filter failed: nobody knows whether the row belongs. The outputs are there all the same.
    case unknown(ValueFault)
  }

  struct Instruction: BitwiseCopyable {
    enum Operation: BitwiseCopyable {
      case load(input: Int, ColumnSlot)
      case constant(Int)
      case call1(ScalarFunction, Int)
      case call2(ScalarFunction, Int, Int)
      case not(Int)
      case isNull(Int)
      case isDistinct(ScalarFunction, Int, Int)
      /// Goes on at the index unless the register is true.
      case jumpUnlessTrue(Int, to: Int)
      case jumpIfFault(Int, to: Int)
      case jumpIfNotNull(Int, to: Int)
      case jump(to: Int)
      case move(Int)
      /// AND (decided by 0) or OR (by 1) with the result so far in the target; leaves by `to` once decided.
      case logic(decidedBy: Int64, Int, to: Int)
      /// The same, but an operand that fails leaves it to the others to decide.
      case lenientLogic(decidedBy: Int64, Int, to: Int)
      /// Whether the operand is one of a list.
      case among(Int, list: Int)
      /// The one of target and operand that `precedes` prefers, passing over NULLs.
      case extremum(ScalarFunction, Int)
    }
    var operation: Operation
    var target: Int
  }

  /// Constants in their order, to be searched.
  struct ConstantList {
    let range: Range<Int>
    let equal: ScalarFunction
    let less: ScalarFunction
  }

  private let instructions: [Instruction]
  private let filterEnd: Int
  private let filterRegister: Int?
  private let outputRegisters: [Int]
  private let constants: [Datum]
  private let lists: [ConstantList]
  private let constantStorage: [UnsafeMutableRawBufferPointer]
  private let registers: UnsafeMutablePointer<Datum>
  private let arena = ScratchArena()

  /// - Parameter layouts: of the rows that the columns' `input` numbers.
  package convenience init(filter: Expression?, outputs: [Expression], layouts: [RowLayout]) {
    var compiler = ProgramCompiler(layouts: layouts)
    let filterRegister = filter.map { compiler.compile($0) }
    let filterEnd = compiler.instructions.count
    let outputRegisters = outputs.map { compiler.compile($0) }
    self.init(compiler, filterRegister, filterEnd, outputRegisters)
  }

  /// A condition on rows that are there, such as a client's: one that a row fails for leaves it to the others to drop the row or
  /// to keep it, in whatever order they come. Postgres promises no order either.
  ///
  /// - Parameter condition: with no AND below a NOT: there, an operand that is NULL would not decide that the whole is not true.
  package convenience init(condition: Expression, over layout: RowLayout) {
    var compiler = ProgramCompiler(layouts: [layout], isLenient: true)
    let filterRegister = compiler.compile(condition)
    self.init(compiler, filterRegister, compiler.instructions.count, [])
  }

  private init(
    _ compiler: ProgramCompiler, _ filterRegister: Int?, _ filterEnd: Int, _ outputs: [Int]
  ) {
    self.filterRegister = filterRegister
    self.filterEnd = filterEnd
    outputRegisters = outputs
    instructions = compiler.instructions
    lists = compiler.lists
    registers = .allocate(capacity: max(1, compiler.registerCount))
    registers.initialize(repeating: .null, count: max(1, compiler.registerCount))
    var storage: [UnsafeMutableRawBufferPointer] = []
    constants = compiler.constants.map { constant in
      switch constant.value {
      case .null: return .null
      case .word(let word): return .word(word)
      case .bytes(let bytes):
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
        copy.copyBytes(from: bytes)
        storage.append(copy)
        return .bytes(UnsafeRawBufferPointer(copy))
      }
    }
    constantStorage = storage
  }

  deinit {
    registers.deallocate()
    for storage in constantStorage { storage.deallocate() }
  }

  package var outputCount: Int { outputRegisters.count }

  @inline(__always)
  package func output(_ index: Int) -> Datum { registers[outputRegisters[index]] }

  /// Runs over one row.
  @inline(__always)
  package func run(_ row: RowRef) -> Verdict {
    withUnsafePointer(to: row.base) { run($0) }
  }

  /// Runs over the rows at `inputs`, one base per input.
  package func run(_ inputs: UnsafePointer<UnsafeRawPointer>) -> Verdict {
    arena.reset()
    if let filterRegister {
      execute(from: 0, to: filterEnd, inputs)
      switch registers[filterRegister] {
      case .word(1): break
      case .fault(let fault):
        execute(from: filterEnd, to: instructions.count, inputs)
        return .unknown(fault)
      case .word, .null, .bytes: return .drop
      }
    }
    execute(from: filterEnd, to: instructions.count, inputs)
    return .keep
  }

  private func execute(from start: Int, to end: Int, _ inputs: UnsafePointer<UnsafeRawPointer>) {
    instructions.withUnsafeBufferPointer { code in
      var at = start
      while at < end {
        let instruction = code[at]
        at += 1
        switch instruction.operation {
        case .load(let input, let slot):
          registers[instruction.target] = RowRef.datum(at: inputs[input], slot)
        case .constant(let index): registers[instruction.target] = constants[index]
        case .call1(let function, let a):
          registers[instruction.target] = function.apply(registers[a], arena)
        case .call2(let function, let a, let b):
          registers[instruction.target] = function.apply(registers[a], registers[b], arena)
        case .not(let a): registers[instruction.target] = Self.not(registers[a])
        case .isNull(let a): registers[instruction.target] = Self.isNull(registers[a])
        case .isDistinct(let equality, let a, let b):
          registers[instruction.target] = Self.isDistinct(
            equality, registers[a], registers[b], arena)
        case .jumpUnlessTrue(let a, let target): if !registers[a].isTrue { at = target }
        case .jumpIfFault(let a, let target):
          if case .fault = registers[a] {
            registers[instruction.target] = registers[a]
            at = target
          }
        case .jumpIfNotNull(let a, let target): if !registers[a].isNull { at = target }
        case .jump(let target): at = target
        case .move(let a): registers[instruction.target] = registers[a]
        case .logic(let deciding, let a, let target):
          if Self.fold(registers[a], into: &registers[instruction.target], deciding) {
            at = target
          }
        case .lenientLogic(let deciding, let a, let target):
          if Self.foldLeniently(registers[a], into: &registers[instruction.target], deciding) {
            at = target
          }
        case .among(let a, let list):
          registers[instruction.target] = isAmong(registers[a], lists[list])
        case .extremum(let precedes, let a):
          Self.extremum(precedes, &registers[instruction.target], registers[a], arena)
        }
      }
    }
  }

  private func isAmong(_ datum: Datum, _ list: ConstantList) -> Datum {
    switch datum {
    case .null, .fault: return datum
    case .word, .bytes: break
    }
    // The first that is not less.
    var (low, high) = (list.range.lowerBound, list.range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if list.less.apply(constants[middle], datum, arena).isTrue {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < list.range.upperBound else { return .bool(false) }
    return list.equal.apply(datum, constants[low], arena)
  }

  // MARK: Three-valued logic

  private static func not(_ datum: Datum) -> Datum {
    if case .word(let word) = datum { .bool(word == 0) } else { datum }
  }

  private static func isNull(_ datum: Datum) -> Datum {
    if case .fault = datum { datum } else { .bool(datum.isNull) }
  }

  private static func isDistinct(
    _ equality: ScalarFunction, _ a: Datum, _ b: Datum, _ arena: ScratchArena
  ) -> Datum {
    switch (a, b) {
    case (.fault, _): a
    case (_, .fault): b
    case (.null, .null): .bool(false)
    case (.null, _), (_, .null): .bool(true)
    case (.word, _), (.bytes, _): not(equality.apply(a, b, arena))
    }
  }

  /// Folds `operand` into `result`; true once the whole is decided.
  ///
  /// As in Postgres, operands are taken left to right: one that fails after the deciding one does not count.
  private static func fold(_ operand: Datum, into result: inout Datum, _ deciding: Int64) -> Bool {
    switch operand {
    case .word(deciding), .fault:
      result = operand
      return true
    case .null:
      result = .null
      return false
    case .word, .bytes: return false
    }
  }

  /// The same in any order: what decides does so whatever fails, for AND also NULL; for OR, what fails outlives NULL.
  private static func foldLeniently(
    _ operand: Datum, into result: inout Datum, _ deciding: Int64
  ) -> Bool {
    switch (operand, result) {
    case (.word(deciding), _),
      (.null, _) where deciding == 0:
      result = operand
      return true
    case (.fault, .fault), (.null, .fault), (.word, _), (.bytes, _): return false
    case (.fault, _), (.null, _):
      result = operand
      return false
    }
  }

  private static func extremum(
    _ precedes: ScalarFunction, _ result: inout Datum, _ operand: Datum, _ arena: ScratchArena
  ) {
    switch (result, operand) {
    case (.fault, _), (_, .null): break
    case (_, .fault), (.null, _): result = operand
    case (.word, _), (.bytes, _):
      if precedes.apply(operand, result, arena).isTrue { result = operand }
    }
  }
}
