import Engine

/// A receiver as the database has it.
package struct WebhookEndpoint: Sendable, Hashable {
  package var id: String
  package var url: String
  package var view: QualifiedName
  /// As a query's: by column, or a group.
  package var filter: [FilterCondition] = []
  package var description = ""
  package var options = Outbox<WebhookEvent>.Options()
  package var timeout = Duration.seconds(15)
  package var template = MessageTemplate.standard
  package var isEnabled = true
  package var disabledReason: String?
  /// The newest first.
  package var secrets: [SigningSecret] = []
  /// A position to begin again from.
  package var replayAfter: Position?
  /// Grows with every change of the definition.
  package var revision: Int64 = 0

  package struct FilterCondition: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  package init(id: String, url: String, view: QualifiedName) {
    self.id = id
    self.url = url
    self.view = view
  }

  /// Whether `text` is of the form of our ids, which stand unescaped in JSON and paths.
  package static func isID(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "_")
      }
  }

  /// Endpoints of one database: each may keep changes in memory.
  package static let countMax = 256
}
