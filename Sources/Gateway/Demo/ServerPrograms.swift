import FoundationEssentials
import Glibc

/// Where a PostgreSQL server's programs are, and the account that may run them.
package struct ServerPrograms: Sendable {
  /// Names the programs' folder, before every other place.
  package static let variable = "ONHAND_PG_BINDIR"

  package let folder: String
  /// The account to run as, since a server refuses to run as root; nil if we are not root.
  let account: Account?

  struct Account: Sendable {
    let name: String
    let user: uid_t
    let group: gid_t
  }

  /// Finds a server: in `folder`, else where ``variable`` says, else where Postgres is usually installed.
  package init(folder: String? = nil) throws(ClusterError) {
    let environment = ProcessInfo.processInfo.environment
    let named = folder ?? environment[Self.variable]
    let places = named.map { [$0] } ?? Self.usualPlaces(path: environment["PATH"] ?? "")
    guard let place = places.first(where: Self.isComplete) else {
      throw .serverNotFound(searched: places)
    }
    self.folder = place
    account = try Self.findAccount()
  }

  /// The command that runs one of the server's programs as the right account.
  func command(_ program: String, _ arguments: [String]) -> [String] {
    asAccount(["\(folder)/\(program)"] + arguments)
  }

  /// The command, run as the server's account.
  func asAccount(_ command: [String]) -> [String] {
    guard let account else { return command }
    return [
      "setpriv", "--reuid=\(account.user)", "--regid=\(account.group)", "--init-groups", "--",
    ] + command
  }

  private static func isComplete(_ folder: String) -> Bool {
    ["initdb", "postgres"].allSatisfy { access("\(folder)/\($0)", X_OK) == 0 }
  }

  private static func usualPlaces(path: String) -> [String] {
    [configuredFolder()].compactMap { $0 } + debianFolders()
      + path.split(separator: ":").map(String.init)
  }

  private static func configuredFolder() -> String? {
    guard let pipe = popen("pg_config --bindir 2>/dev/null", "re") else { return nil }
    defer { pclose(pipe) }
    var line = [CChar](repeating: 0, count: Int(PATH_MAX) + 2)
    guard fgets(&line, Int32(line.count), pipe) != nil else { return nil }
    return String(decoding: line.prefix { $0 != 10 && $0 != 0 }.map(UInt8.init), as: UTF8.self)
  }

  /// Debian keeps one folder a major version; the newest first.
  private static func debianFolders() -> [String] {
    let root = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    return versions.compactMap { Int($0) }.sorted(by: >).map { "\(root)/\($0)/bin" }
  }

  private static func findAccount() throws(ClusterError) -> Account? {
    guard geteuid() == 0 else { return nil }
    for name in ["postgres", "nobody"] {
      if let entry = getpwnam(name)?.pointee {
        return Account(name: name, user: entry.pw_uid, group: entry.pw_gid)
      }
    }
    throw .noUnprivilegedUser
  }
}
