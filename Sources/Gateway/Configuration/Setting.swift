/// A value of the configuration with the key that it has there, for messages.
struct Setting {
  let key: String
  let value: Any

  init(_ key: String, _ value: Any) {
    self.key = key
    self.value = value
  }

  private func failure(_ problem: String) -> ConfigurationReader.Failure {
    ConfigurationReader.Failure(key: key, problem: problem)
  }

  var text: String {
    get throws {
      switch value {
      case let text as String where !text.isEmpty: return text
      case let number as Int: return String(number)
      default: throw failure("must be a text that is not empty")
      }
    }
  }

  /// A number of units, not below 0.
  var units: Int64 {
    get throws {
      guard let number = Int64(try text), number >= 0 else {
        throw failure("must be a whole number, not below 0")
      }
      return number
    }
  }

  /// A number of bytes that a quota may have: at least a mebibyte.
  var quota: Int {
    get throws {
      guard let count = Int(exactly: try units), (1 << 20...1 << 44).contains(count) else {
        throw failure("must be a number of bytes, at least 1048576")
      }
      return count
    }
  }

  var elements: [Setting] {
    get throws {
      guard let list = value as? [Any], !list.isEmpty else {
        throw failure("must be a list that is not empty")
      }
      return list.enumerated().map { Setting("\(key)[\($0)]", $1) }
    }
  }

  /// The members of a mapping.
  ///
  /// - Throws: also where one is not among `names`.
  func members(_ names: [String]) throws -> Members {
    guard let mapping = value as? [String: Any] else {
      throw failure("must be a mapping with \(names.joined(separator: ", "))")
    }
    if let unknown = mapping.keys.sorted().first(where: { !names.contains($0) }) {
      throw ConfigurationReader.Failure(
        key: "\(key).\(unknown)",
        problem: "is not a key; known are \(names.joined(separator: ", "))")
    }
    return Members(key: key, mapping: mapping)
  }

  struct Members {
    let key: String
    let mapping: [String: Any]

    subscript(name: String) -> Setting? {
      mapping[name].map { Setting("\(key).\(name)", $0) }
    }

    func required(_ name: String) throws -> Setting {
      guard let setting = self[name] else {
        throw ConfigurationReader.Failure(key: "\(key).\(name)", problem: "is missing")
      }
      return setting
    }
  }
}
