/// Which columns an answer shows, and under which names.
package struct Selection {
  package let members: [RowJSONWriter.Member]

  /// Names in one selection: a column may be shown more than once.
  static let columnsMax = 256

  /// Reads `sku,stock:on_hand`; `*` stands for all columns.
  package static func parse(_ text: String, _ columns: [Plan.View.Column]) throws(QueryFault)
    -> Selection
  {
    guard !text.utf8.contains(0) else { throw .containsNUL }
    var scanner = QueryScanner(text)
    var members: [RowJSONWriter.Member] = []
    repeat {
      members += try Self.members(&scanner, columns)
      guard members.count <= columnsMax else { throw .tooManyColumns }
    } while scanner.scan(",")
    guard scanner.isAtEnd else { throw .expected("\",\"", offset: scanner.index) }
    var names: Set<[UInt8]> = []
    for member in members where !names.insert(Array(member.name.utf8)).inserted {
      throw .nameTwice(member.name)
    }
    return Selection(members: members)
  }

  /// All columns under their own names.
  package static func all(_ columns: [Plan.View.Column]) -> Selection {
    Selection(
      members: columns.enumerated().map { RowJSONWriter.Member(name: $1.name, column: $0) })
  }

  private static func members(_ scanner: inout QueryScanner, _ columns: [Plan.View.Column])
    throws(QueryFault) -> [RowJSONWriter.Member]
  {
    let first = try scanner.scanMemberName()
    if first == "*" { return all(columns).members }
    let column = scanner.scan(":") ? try scanner.scanMemberName() : first
    guard let index = columns.index(named: column) else {
      throw .unknownColumn(column)
    }
    return [RowJSONWriter.Member(name: first, column: index)]
  }
}
