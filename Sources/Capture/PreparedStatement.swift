/// SQL that is run again and again, and the name that it is prepared under: the server reads it once for each connection, and plans
/// it a few times.
package struct PreparedStatement: Sendable {
  package let name: String
  package let sql: String

  package init(name: String, sql: String) {
    self.name = name
    self.sql = sql
  }
}
