import Glibc

/// The folder of one instance, which no other process may use meanwhile.
package final class DataDirectory: Sendable {
  package let path: String
  private let lock: Int32

  /// Another process has it.
  package struct Occupied: Error, CustomStringConvertible {
    package let path: String
    package var description: String {
      "another process uses \(path); give each its own data_directory"
    }
  }

  /// Takes the folder, which is made if need be.
  package init(_ path: String) throws {
    self.path = path
    guard mkdir(path, 0o750) == 0 || errno == EEXIST else { throw FileFault("mkdir", path) }
    let lockPath = "\(path)/lock"
    lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard lock >= 0 else { throw FileFault("open", lockPath) }
    // The kernel lets it go with the process, in whatever way that ends.
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(lock)
      throw code == EWOULDBLOCK ? Occupied(path: path) : FileFault("lock", lockPath, code)
    }
  }

  deinit { close(lock) }

  /// Lets others have the folder; nothing of it may be used afterwards.
  func release() { flock(lock, LOCK_UN) }

  func file(_ name: String, creates: Bool) throws -> StoredFile {
    try StoredFile(path: "\(path)/\(name)", creates: creates)
  }

  var names: [String] {
    get throws {
      guard let folder = opendir(path) else { throw FileFault("list", path) }
      defer { closedir(folder) }
      var names: [String] = []
      while let entry = readdir(folder) {
        names.append(
          withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
          })
      }
      return names.sorted()
    }
  }

  /// Removes a file, if it is there.
  func remove(_ name: String) throws {
    guard unlink("\(path)/\(name)") == 0 || errno == ENOENT else {
      throw FileFault("remove", "\(path)/\(name)")
    }
  }

  func rename(_ name: String, to newName: String) throws {
    guard Glibc.rename("\(path)/\(name)", "\(path)/\(newName)") == 0 else {
      throw FileFault("rename", "\(path)/\(name)")
    }
  }

  /// Makes what files there are survive a loss of power.
  func sync() throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFault("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileFault("sync", path) }
  }
}
