import CZlib
import HTTPWire

/// The owner of zlib's state, used for one body after another.
struct GzipStream: ~Copyable {
  private let stream: UnsafeMutablePointer<z_stream>

  /// The fastest: rows of JSON become a tenth of their size at any level, and the higher ones take
  /// several times as long.
  private static let level: Int32 = 1
  private static let outputStepBytes = 65_536

  /// Nil when there is no memory for it, about 256 KiB.
  init?() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard czlib_gzip_begin(stream, Self.level) == Z_OK else {
      stream.deallocate()
      return nil
    }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// `body` compressed; nil if that takes no fewer bytes.
  func compressed(_ body: borrowing ByteBuffer) -> ByteBuffer? {
    guard body.count <= Int(UInt32.max), deflateReset(stream) == Z_OK else { return nil }
    // zlib does not write to its input.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: body.bytes.assumingMemoryBound(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(body.count)
    var output = ByteBuffer()
    var status = Z_OK
    while status == Z_OK, output.count < body.count {
      output.append(upTo: Self.outputStepBytes) { free in
        stream.pointee.next_out = free.assumingMemoryBound(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(free.count)
        status = deflate(stream, Z_FINISH)
        return free.count - Int(stream.pointee.avail_out)
      }
    }
    guard status == Z_STREAM_END, output.count < body.count else { return nil }
    return output
  }
}
