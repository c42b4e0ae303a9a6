/// A view as the log knows it: what was recorded of one generation means nothing for another.
package struct LoggedView: Hashable, Sendable {
  package let name: QualifiedName
  package let generation: Generation

  package init(name: QualifiedName, generation: Generation) {
    self.name = name
    self.generation = generation
  }

  package init(_ view: LiveView) {
    self.init(name: view.name, generation: view.generation)
  }
}

/// The fingerprint of a view's definition, its columns, its key and the time zone that it is computed under.
package struct Generation: Hashable, Sendable, CustomStringConvertible {
  package let value: UInt64

  package init(value: UInt64) { self.value = value }

  /// The only zone so far.
  private static let timeZone = "UTC"

  package init(of view: Plan.View) {
    var bytes: [UInt8] = []
    bytes.append(block: Self.timeZone)
    bytes.append(block: view.definition)
    for column in view.columns {
      bytes.append(block: column.name)
      bytes.append(block: column.typeName)
      bytes.append(column.type.rawValue)
    }
    for column in view.key { bytes.append(integer: UInt32(column)) }
    // FNV-1a, so that nothing depends on the process.
    value = bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  package var description: String { String(value, radix: 36) }
}
