import Engine
import HTTPWire

extension ByteBuffer {
  /// Appends a string as JSON.
  mutating func append(jsonString text: String) {
    var bytes: [UInt8] = []
    JSONText.write(text: text, to: &bytes)
    bytes.withUnsafeBytes { append($0) }
  }
}
