import Glibc

/// A file that is written at its end and read anywhere; closed when nobody has it any more, also after it was removed.
///
/// One queue writes, any thread reads what was written before.
final class StoredFile: Sendable {
  let path: String
  let descriptor: Int32

  /// - Parameter creates: it must not be there yet.
  init(path: String, creates: Bool) throws {
    self.path = path
    let flags = O_RDWR | O_CLOEXEC | (creates ? O_CREAT | O_EXCL : 0)
    descriptor = open(path, flags, 0o640)
    guard descriptor >= 0 else { throw FileFault("open", path) }
  }

  deinit { close(descriptor) }

  var size: Int {
    get throws {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw FileFault("stat", path) }
      return Int(status.st_size)
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = pwrite(descriptor, rest.baseAddress, rest.count, offset + done)
      guard count > 0 || errno == EINTR else { throw FileFault("write", path) }
      done += max(0, count)
    }
  }

  /// Fills as much of `buffer` as there is.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = pread(descriptor, rest.baseAddress, rest.count, offset + done)
      if count == 0 { break }
      guard count > 0 || errno == EINTR else { throw FileFault("read", path) }
      done += max(0, count)
    }
    return done
  }

  func truncate(to size: Int) throws {
    guard ftruncate(descriptor, size) == 0 else { throw FileFault("truncate", path) }
  }

  /// Returns once everything written survives a loss of power.
  func sync() throws {
    guard fdatasync(descriptor) == 0 else { throw FileFault("sync", path) }
  }
}
