/// A piece of a file in memory, for as long as somebody points into it.
final class FileBlock: @unchecked Sendable {
  private let storage: UnsafeMutableRawBufferPointer
  let count: Int

  /// Reads up to `count` bytes.
  init(_ file: StoredFile, at offset: Int, count: Int) throws {
    storage = .allocate(byteCount: max(count, 1), alignment: 8)
    do {
      self.count = try file.read(
        into: UnsafeMutableRawBufferPointer(rebasing: storage[..<count]), at: offset)
    } catch {
      storage.deallocate()
      throw error
    }
  }

  deinit { storage.deallocate() }

  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(storage)[..<count])
  }
}
