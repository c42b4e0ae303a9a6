import Glibc

/// What the file system answered.
package struct FileFault: Error, CustomStringConvertible {
  package let operation: String
  package let file: String
  package let code: Int32

  init(_ operation: String, _ file: String, _ code: Int32 = errno) {
    self.operation = operation
    self.file = file
    self.code = code
  }

  package var isFull: Bool { code == ENOSPC || code == EDQUOT }

  package var description: String { "\(operation) \(file): \(String(cString: strerror(code)))" }
}
