import CZlib
import HTTPWire

/// The owner of zlib's state for reading compressed messages (RFC 7692 7.2.2), used for one after another.
struct RawInflate: ~Copyable {
  private let stream: UnsafeMutablePointer<z_stream>

  private static let outputStepBytes = 16_384

  /// Nil when there is no memory for it, about 40 KiB.
  init?() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard czlib_raw_inflate_begin(stream) == Z_OK else {
      stream.deallocate()
      return nil
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Writes what `message` was before it was compressed to `output`, which is empty and grows to little more than
  /// `bytesMax` at most, whatever the message claims to hold.
  func inflate(
    _ message: ByteView, into output: inout ByteBuffer, bytesMax: Int
  ) throws(WebSocketFault) {
    guard inflateReset(stream) == Z_OK else { throw .deflateInvalid }
    try inflatePart(message.bytes, into: &output, bytesMax)
    let tail = RawDeflate.tail
    var fault: WebSocketFault?
    tail.withUnsafeBytes { tail in
      do throws(WebSocketFault) {
        try inflatePart(tail, into: &output, bytesMax)
      } catch {
        fault = error
      }
    }
    if let fault { throw fault }
  }

  private func inflatePart(
    _ part: UnsafeRawBufferPointer, into output: inout ByteBuffer, _ bytesMax: Int
  ) throws(WebSocketFault) {
    guard part.count <= Int(UInt32.max) else { throw .messageTooBig }
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: part.assumingMemoryBound(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(part.count)
    repeat {
      guard output.count <= bytesMax else { throw .messageTooBig }
      var status = Z_OK
      output.append(upTo: min(Self.outputStepBytes, bytesMax - output.count + 1)) { free in
        stream.pointee.next_out = free.assumingMemoryBound(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(free.count)
        status = CZlib.inflate(stream, Z_SYNC_FLUSH)
        return free.count - Int(stream.pointee.avail_out)
      }
      switch status {
      case Z_OK, Z_BUF_ERROR: break
      // A block may be marked as the last and be followed by others (RFC 7692 7.2.3.5).
      case Z_STREAM_END: inflateReset(stream)
      default: throw .deflateInvalid
      }
    } while stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0
    guard output.count <= bytesMax else { throw .messageTooBig }
  }
}
