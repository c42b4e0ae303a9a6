import Durability

extension LogRetention {
  private static let ageMax = Duration.seconds(366 * 86_400)

  /// Reads `{time: 1440m, bytes: 1073741824}`.
  init(_ setting: Setting) throws {
    self.init()
    let members = try setting.members(["time", "bytes"])
    if let time = members["time"] {
      guard let age = Duration(configured: try time.text), age > .zero, age <= Self.ageMax else {
        throw ConfigurationReader.Failure(
          key: time.key, problem: "must be a time up to 366 days, as 600s or 1440m")
      }
      self.age = age
    }
    if let bytes = members["bytes"] { self.bytes = try bytes.quota }
  }
}
