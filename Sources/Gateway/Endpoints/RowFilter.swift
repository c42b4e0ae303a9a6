import Engine

/// Which rows of a view are asked for, by conditions on its columns.
struct RowFilter {
  /// Without outputs; nil for all rows.
  let program: Program?
  /// Where the rows that pass are.
  let access: RowAccess
  /// A column that rows which pass have one of a few values in, if there is one.
  let probe: Interest.Probe?

  /// - Throws: what is wrong with which condition.
  init(
    _ conditions: [ReadParameters.Parameter], _ view: LiveView, _ caps: [Int: Int64]
  ) throws(Refused) {
    guard !conditions.isEmpty else {
      (program, access, probe) = (nil, .all, nil)
      return
    }
    let binder = FilterBinder(view.definition.columns, caps: caps)
    var parser = FilterParser()
    var filters: [Filter] = []
    var bound: [Expression] = []
    for condition in conditions {
      try Self.checkIsKnown(condition.name, view)
      do throws(QueryFault) {
        let filter = try parser.parse(name: condition.name, value: condition.value)
        bound.append(try binder.bind(filter))
        filters.append(filter)
      } catch {
        throw Refused(.badFilter, error.description, parameter: condition.name)
      }
    }
    program = Program(condition: .and(bound), over: view.rowLayout)
    access = RowAccess(.all(filters), of: view, capped: Set(caps.keys))
    probe = Interest.Probe(.all(filters), of: view, capped: Set(caps.keys))
  }

  /// A name that is neither a parameter nor a column is more likely a slip than a filter.
  private static func checkIsKnown(_ name: String, _ view: LiveView) throws(Refused) {
    guard !FilterParser.isGroup(name), !name.hasPrefix("\""),
      view.definition.columns.index(named: name) == nil
    else { return }
    let columns = view.definition.columns.map(\.name).joined(separator: ", ")
    throw Refused(
      .unknownParameter,
      "it is no column of \(view.name), whose columns are \(columns), and nothing else that can be asked for here",
      parameter: name)
  }
}
