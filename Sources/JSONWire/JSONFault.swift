/// Why bytes are no JSON text that is taken.
package struct JSONFault: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Reason: Hashable, Sendable, CaseIterable {
    case tooLarge, tooDeep, membersTooMany
    case notUTF8
    case endsEarly, unexpectedByte, trailingBytes
    case numberMalformed
    case controlCharacter, escapeMalformed, surrogateAlone, nul
    case nameTwice
  }

  package let reason: Reason
  /// In bytes of the text; 0 where the text as a whole is meant.
  package let offset: Int

  package var description: String {
    let what =
      switch reason {
      case .tooLarge: "the text is too large"
      case .tooDeep: "arrays and objects are inside of each other too deep"
      case .membersTooMany: "an object has too many members"
      case .notUTF8: "the text is not UTF-8"
      case .endsEarly: "the text ends early"
      case .unexpectedByte: "a value, comma, colon or bracket was expected"
      case .trailingBytes: "something follows the value"
      case .numberMalformed: "a number is malformed"
      case .controlCharacter: "a string contains a control character that is not escaped"
      case .escapeMalformed: "an escape is malformed"
      case .surrogateAlone: "a surrogate stands alone"
      case .nul: "a string contains a NUL, which no text of PostgreSQL can"
      case .nameTwice: "an object names a member twice"
      }
    return offset == 0 ? what : "\(what), at byte \(offset)"
  }
}
