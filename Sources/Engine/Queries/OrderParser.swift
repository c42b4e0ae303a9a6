/// Reads `price.desc.nullslast,name` as PostgREST does: without a direction a column ascends; NULLs are last where it
/// ascends and first where it descends, unless the text says otherwise.
package struct OrderParser {
  private let columns: [Plan.View.Column]
  private let forbidden: Set<Int>

  /// - Parameter forbidden: columns whose order would tell more than is shown of them.
  package init(_ columns: [Plan.View.Column], forbidden: Set<Int> = []) {
    self.columns = columns
    self.forbidden = forbidden
  }

  package func parse(_ text: String) throws(QueryFault) -> [RowOrder.Term] {
    guard !text.utf8.contains(0) else { throw .containsNUL }
    var scanner = QueryScanner(text)
    var terms: [RowOrder.Term] = []
    repeat {
      let term = try term(&scanner)
      guard !terms.contains(where: { $0.column == term.column }) else {
        throw .orderedTwice(column: columns[term.column].name)
      }
      terms.append(term)
    } while scanner.scan(",")
    guard scanner.isAtEnd else { throw .expected("\",\"", offset: scanner.index) }
    return terms
  }

  private func term(_ scanner: inout QueryScanner) throws(QueryFault) -> RowOrder.Term {
    let name = try scanner.scanName()
    guard let column = columns.index(named: name) else {
      throw .unknownColumn(name)
    }
    try checkOrder(column)
    var word = scanner.scan(".") ? scanner.scanWord() : ""
    var isDescending = false
    if word == "asc" || word == "desc" {
      isDescending = word == "desc"
      word = scanner.scan(".") ? scanner.scanWord() : ""
    }
    switch word {
    case "": return .init(column: column, isDescending: isDescending, hasNullsFirst: isDescending)
    case "nullsfirst":
      return .init(column: column, isDescending: isDescending, hasNullsFirst: true)
    case "nullslast":
      return .init(column: column, isDescending: isDescending, hasNullsFirst: false)
    default: throw .directionUnknown(word)
    }
  }

  private func checkOrder(_ index: Int) throws(QueryFault) {
    let column = columns[index]
    guard !forbidden.contains(index) else { throw .orderNotAllowed(column: column.name) }
    switch column.type {
    case .text, .bpchar:
      guard column.ordering.isByBytes else { throw .orderUnknown(column: column.name) }
    case .json, .jsonb:
      throw .operatorNotForType(column: column.name, typeName: column.typeName, allowed: "no order")
    case .bool, .int2, .int4, .int8, .float4, .float8, .date, .timestamp, .timestamptz, .numeric,
      .uuid, .enumeration:
      break
    }
  }
}
