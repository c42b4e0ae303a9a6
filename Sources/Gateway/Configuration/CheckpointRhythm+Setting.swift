import Durability

extension CheckpointRhythm {
  private static let ageRange = Duration.seconds(1)...Duration.seconds(86_400)

  /// Reads `{time: 300s, wal: 268435456}`.
  init(_ setting: Setting) throws {
    self.init()
    let members = try setting.members(["time", "wal"])
    if let time = members["time"] {
      guard let age = Duration(configured: try time.text), Self.ageRange.contains(age) else {
        throw ConfigurationReader.Failure(
          key: time.key, problem: "must be a time from 1s to a day, as 300s or 5m")
      }
      self.age = age
    }
    if let wal = members["wal"] { walBytes = try wal.quota }
  }
}
