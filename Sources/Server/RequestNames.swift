import HTTPWire

/// Names for requests, by which a client's report and a line of the log are brought together.
struct RequestNames {
  /// Of this worker in this process: other processes' names begin otherwise.
  private let prefix: String
  private var count: UInt64 = 0

  private static let bytesMax = 128

  init(worker: Int) {
    prefix = String(UInt32.random(in: 0 ... .max), radix: 36) + "-" + String(worker) + "-"
  }

  /// Writes a new name.
  mutating func write(to name: inout ByteBuffer) {
    count += 1
    name.append(prefix)
    name.append(decimal: count)
  }

  /// Whether a name that a proxy gave is one to pass on.
  static func isUsable(_ name: ByteView) -> Bool {
    (1...bytesMax).contains(name.count)
      && name.bytes.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-._~+/=:".utf8.contains(byte)
        }
      }
  }
}
