extension ScalarFunction {
  /// The function of one argument.
  @inline(__always)
  func apply(_ a: Datum, _ arena: ScratchArena) -> Datum {
    switch a {
    case .null, .fault: return a
    case .word(let word): return applyToWord(word, arena)
    case .bytes(let bytes): return applyToBytes(bytes, arena)
    }
  }

  /// The function of two arguments.
  @inline(__always)
  func apply(_ a: Datum, _ b: Datum, _ arena: ScratchArena) -> Datum {
    switch (a, b) {
    case (.fault, _): return a
    case (_, .fault): return b
    case (.null, _), (_, .null): return .null
    case (.word(let a), .word(let b)): return applyToWords(a, b)
    case (.bytes(let a), .bytes(let b)): return applyToBytes(a, b, arena)
    case (.bytes(let a), .word(let b)): return applyToNumeric(a, parameter: b, arena)
    case (.word, .bytes): return .fault(.malformedBinary)
    }
  }

  // MARK: One argument

  private func applyToWord(_ word: Int64, _ arena: ScratchArena) -> Datum {
    switch self {
    case .negateInt(let width): return width.checked(Int64(0).subtractingReportingOverflow(word))
    case .absoluteInt(let width):
      return word < 0 ? width.checked(Int64(0).subtractingReportingOverflow(word)) : .word(word)
    case .narrowInt(let width): return width.checked((word, false))
    case .intToBool: return .bool(word != 0)
    case .intToNumeric: return arena.numeric(Numeric(word))
    case .intToFloat(let width): return width.float(Double(word), Float(word))
    case .negateFloat: return .float(-word.asDouble)
    case .absoluteFloat: return .float(word.asDouble.magnitude)
    case .floatToInt(let width): return width.rounded(word.asDouble)
    case .floatToNumeric(.float8): return arena.numeric(Numeric(word.asDouble))
    case .floatToNumeric(.float4): return arena.numeric(Numeric(Float(word.asDouble)))
    case .narrowFloat:
      do throws(ValueFault) { return .float(Double(try word.asDouble.float4())) } catch {
        return .fault(error)
      }
    case .toText(let type): return arena.text { type.writeText(.word(word), to: &$0) }
    default: return .fault(.malformedBinary)
    }
  }

  private func applyToBytes(_ bytes: UnsafeRawBufferPointer, _ arena: ScratchArena) -> Datum {
    switch self {
    case .toText(.numeric), .toText(.uuid):
      guard case .toText(let type) = self else { return .fault(.malformedBinary) }
      return arena.text { type.writeText(.bytes(bytes), to: &$0) }
    case .toText: return .bytes(bytes)
    case .lowercase(let letters): return arena.text { letters.lowercase(bytes, into: &$0) }
    case .byteLength: return .word(Int64(bytes.count))
    case .characterLength:
      return .word(Int64(bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }))
    default: return applyToNumeric(bytes, arena)
    }
  }

  private func applyToNumeric(_ bytes: UnsafeRawBufferPointer, _ arena: ScratchArena) -> Datum {
    guard let value = Numeric(encoded: bytes) else { return .fault(.malformedBinary) }
    do throws(ValueFault) {
      switch self {
      case .negateNumeric: return arena.numeric(value.negated)
      case .absoluteNumeric: return arena.numeric(value.absolute)
      case .signNumeric: return arena.numeric(value.sign)
      case .ceilNumeric: return arena.numeric(try value.ceiling())
      case .floorNumeric: return arena.numeric(try value.floor())
      case .numericToInt(.int2): return .word(Int64(try value.integer(Int16.self)))
      case .numericToInt(.int4): return .word(Int64(try value.integer(Int32.self)))
      case .numericToInt(.int8): return .word(try value.integer(Int64.self))
      case .numericToFloat(.float8): return .float(try value.float(Double.self))
      case .numericToFloat(.float4): return .float(Double(try value.float(Float.self)))
      default: return .fault(.malformedBinary)
      }
    } catch { return .fault(error) }
  }

  // MARK: Two arguments

  @inline(__always)
  private func applyToWords(_ a: Int64, _ b: Int64) -> Datum {
    switch self {
    case .compareWords(let comparison): .bool(comparison.holds(a < b ? -1 : (a == b ? 0 : 1)))
    case .addInt(let width): width.checked(a.addingReportingOverflow(b))
    case .subtractInt(let width): width.checked(a.subtractingReportingOverflow(b))
    case .multiplyInt(let width): width.checked(a.multipliedReportingOverflow(by: b))
    case .divideInt(let width):
      b == 0 ? .fault(.divisionByZero) : width.checked(a.dividedReportingOverflow(by: b))
    case .moduloInt:
      // The remainder by -1 is 0 also where the quotient overflows.
      b == 0 ? .fault(.divisionByZero) : .word(b == -1 ? 0 : a % b)
    default: applyToFloats(a.asDouble, b.asDouble)
    }
  }

  private func applyToFloats(_ a: Double, _ b: Double) -> Datum {
    do throws(ValueFault) {
      switch self {
      case .compareFloats(let comparison): return .bool(comparison.holds(a.compared(to: b)))
      case .addFloat(.float8): return .float(try a.adding(b))
      case .subtractFloat(.float8): return .float(try a.subtracting(b))
      case .multiplyFloat(.float8): return .float(try a.multiplied(by: b))
      case .divideFloat(.float8): return .float(try a.divided(by: b))
      case .addFloat(.float4): return .float(Double(try Float(a).adding(Float(b))))
      case .subtractFloat(.float4): return .float(Double(try Float(a).subtracting(Float(b))))
      case .multiplyFloat(.float4): return .float(Double(try Float(a).multiplied(by: Float(b))))
      case .divideFloat(.float4): return .float(Double(try Float(a).divided(by: Float(b))))
      default: return .fault(.malformedBinary)
      }
    } catch { return .fault(error) }
  }

  private func applyToBytes(
    _ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, _ arena: ScratchArena
  ) -> Datum {
    switch self {
    case .compareBytes(.equal): .bool(a.hasSameBytes(as: b))
    case .compareBytes(.notEqual): .bool(!a.hasSameBytes(as: b))
    case .compareBytes(let comparison): .bool(comparison.holds(a.compareBytes(with: b)))
    case .compareBlankPadded(let comparison):
      .bool(comparison.holds(a.withoutTrailingBlanks.compareBytes(with: b.withoutTrailingBlanks)))
    case .concatenate: arena.concatenation(a, b)
    case .like: .bool(LikePattern.matches(b, a))
    case .notLike: .bool(!LikePattern.matches(b, a))
    default: applyToNumerics(a, b, arena)
    }
  }

  private func applyToNumerics(
    _ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, _ arena: ScratchArena
  ) -> Datum {
    guard let a = Numeric(encoded: a), let b = Numeric(encoded: b) else {
      return .fault(.malformedBinary)
    }
    do throws(ValueFault) {
      switch self {
      case .compareNumerics(let comparison): return .bool(comparison.holds(a.compared(to: b)))
      case .addNumeric: return arena.numeric(try a.adding(b))
      case .subtractNumeric: return arena.numeric(try a.subtracting(b))
      case .multiplyNumeric: return arena.numeric(try a.multiplied(by: b))
      case .divideNumeric: return arena.numeric(try a.divided(by: b))
      case .moduloNumeric: return arena.numeric(try a.remainder(dividingBy: b))
      default: return .fault(.malformedBinary)
      }
    } catch { return .fault(error) }
  }

  private func applyToNumeric(
    _ bytes: UnsafeRawBufferPointer, parameter: Int64, _ arena: ScratchArena
  ) -> Datum {
    guard let value = Numeric(encoded: bytes) else { return .fault(.malformedBinary) }
    do throws(ValueFault) {
      switch self {
      case .roundNumeric: return arena.numeric(try value.rounded(Int(parameter)))
      case .truncateNumeric: return arena.numeric(try value.truncated(Int(parameter)))
      case .fitNumeric:
        guard let typmod = NumericTypmod(Int32(truncatingIfNeeded: parameter)) else {
          return arena.numeric(value)
        }
        return arena.numeric(try value.constrained(to: typmod))
      default: return .fault(.malformedBinary)
      }
    } catch { return .fault(error) }
  }
}

extension ScalarFunction.IntWidth {
  private var range: ClosedRange<Int64> {
    switch self {
    case .int2: Int64(Int16.min)...Int64(Int16.max)
    case .int4: Int64(Int32.min)...Int64(Int32.max)
    case .int8: Int64.min...Int64.max
    }
  }

  @inline(__always)
  fileprivate func checked(_ result: (partialValue: Int64, overflow: Bool)) -> Datum {
    guard !result.overflow, range.contains(result.partialValue) else {
      return .fault(.integerOutOfRange)
    }
    return .word(result.partialValue)
  }

  fileprivate func rounded(_ value: Double) -> Datum {
    do throws(ValueFault) { return checked((try value.integer(Int64.self), false)) } catch {
      return .fault(error)
    }
  }
}

extension ScalarFunction.FloatWidth {
  fileprivate func float(_ double: Double, _ single: Float) -> Datum {
    switch self {
    case .float8: .float(double)
    case .float4: .float(Double(single))
    }
  }
}

extension UnsafeRawBufferPointer {
  /// The value of a `char(n)`, to which its padding does not belong.
  var withoutTrailingBlanks: UnsafeRawBufferPointer {
    var length = count
    while length > 0, self[length - 1] == UInt8(ascii: " ") { length -= 1 }
    return UnsafeRawBufferPointer(rebasing: self[..<length])
  }
}
