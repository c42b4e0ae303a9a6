import FoundationEssentials
import Glibc
import Synchronization

/// A freshly initialised cluster that is copied, never started.
///
/// `initdb` takes a second, a copy a fifth of that, so whoever needs many clusters makes one template and keeps it. All
/// copies are in the template's folder and go with it: with ``remove()``, and when our process ends in whatever way.
package final class ClusterTemplate: Sendable {
  let programs: ServerPrograms
  private let folder: String
  private let keeper: FolderKeeper
  private let copies = Atomic<Int>(0)

  package init(_ programs: ServerPrograms) throws(ClusterError) {
    self.programs = programs
    folder = try Self.makeFolder(programs)
    keeper = try FolderKeeper(folder, programs)
    try Self.initialise(folder, programs)
  }

  /// A new cluster, not started.
  package func makeCluster() throws(ClusterError) -> PrivateCluster {
    let number = copies.wrappingAdd(1, ordering: .relaxed).newValue
    let copy = "\(folder)/\(number)"
    try Self.own(copy, programs) { mkdir(copy, 0o700) == 0 }
    try PrivateCluster.run(
      programs.asAccount(["cp", "-a", "\(folder)/template", "\(copy)/data"]), log: "\(copy)/log")
    return PrivateCluster(folder: copy, programs)
  }

  /// Ends and removes the clusters made from it, and itself.
  package func remove() { keeper.release() }

  // MARK: Making

  /// Socket paths are limited to 107 bytes: a long `TMPDIR` is not used.
  private static let temporaryFolderBytesMax = 60

  private static func makeFolder(_ programs: ServerPrograms) throws(ClusterError) -> String {
    let wanted = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    let isUsable = wanted.hasPrefix("/") && wanted.utf8.count <= temporaryFolderBytesMax
    var path = Array("\(isUsable ? wanted : "/tmp")/onhand-XXXXXX".utf8CString)
    guard mkdtemp(&path) != nil else { throw .system(call: "mkdtemp", errno: errno) }
    let folder = String(decoding: path.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    try own(folder, programs) { true }
    return folder
  }

  /// Makes a folder and gives it to the server's account.
  private static func own(
    _ folder: String, _ programs: ServerPrograms, make: () -> Bool
  ) throws(ClusterError) {
    guard make() else { throw .system(call: "mkdir", errno: errno) }
    guard let account = programs.account else { return }
    guard chown(folder, account.user, account.group) == 0 else {
      throw .system(call: "chown", errno: errno)
    }
  }

  private static func initialise(_ folder: String, _ programs: ServerPrograms)
    throws(ClusterError)
  {
    let arguments = [
      "--pgdata=\(folder)/template", "--username=postgres", "--auth=trust", "--encoding=UTF8",
      "--locale=C", "--no-sync",
    ]
    try PrivateCluster.run(programs.command("initdb", arguments), log: "\(folder)/initdb.log")
  }
}
