import CZlib
import HTTPWire

/// The owner of zlib's state for compressing messages (RFC 7692 7.2.1), used for one after another.
struct RawDeflate: ~Copyable {
  private let stream: UnsafeMutablePointer<z_stream>

  /// The fastest: level 6 makes messages of rows a quarter smaller and takes four times as long.
  private static let level: Int32 = 1
  private static let outputStepBytes = 16_384
  /// What a flush ends with, and a message leaves out.
  static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

  /// zlib has no raw streams with a window of 256 bytes.
  static let windowBits = 9...15

  /// Nil when there is no memory for it, about 256 KiB.
  init?(windowBits: Int) {
    precondition(Self.windowBits ~= windowBits, "no window of this size")
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard czlib_raw_deflate_begin(stream, Self.level, Int32(windowBits)) == Z_OK else {
      stream.deallocate()
      return nil
    }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Writes `message` compressed to `output`, which is empty; false if that takes no fewer bytes.
  func compress(_ message: ByteView, into output: inout ByteBuffer) -> Bool {
    guard message.count <= Int(UInt32.max), deflateReset(stream) == Z_OK else { return false }
    // zlib does not write to its input.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: message.bytes.assumingMemoryBound(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(message.count)
    repeat {
      guard output.count < message.count + Self.tail.count else { return false }
      var status = Z_OK
      output.append(upTo: min(Self.outputStepBytes, message.count + 64)) { free in
        stream.pointee.next_out = free.assumingMemoryBound(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(free.count)
        status = deflate(stream, Z_SYNC_FLUSH)
        return free.count - Int(stream.pointee.avail_out)
      }
      // Where the last step had just enough room, this one finds nothing left to do.
      guard status == Z_OK || status == Z_BUF_ERROR else { return false }
      // Room that is left says that the flush is complete.
    } while stream.pointee.avail_out == 0
    guard output.count >= Self.tail.count else { return false }
    output.keep(0..<output.count - Self.tail.count)
    return output.count < message.count
  }
}
