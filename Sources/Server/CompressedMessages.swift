import Glibc
import HTTPWire

/// Compresses messages for WebSockets, those for many clients once.
///
/// The last few messages are kept beside what they became: subscribers of one row are told the same bytes one after another.
struct CompressedMessages: ~Copyable {
  private var streams: [StreamBox?] = Array(repeating: nil, count: RawDeflate.windowBits.count)
  private var entries: [Entry] = []
  /// The entry to be replaced next.
  private var oldest = 0

  /// Below it, the bytes saved don't pay for the time.
  static let messageBytesMin = 256
  /// As many different messages as may be sent in turns to the clients of a worker.
  private static let entriesMax = 8
  /// A larger one, as a large row, is not likely to be sent twice.
  private static let keptBytesMax = 131_072

  private final class StreamBox {
    let stream: RawDeflate

    init?(windowBits: Int) {
      guard let stream = RawDeflate(windowBits: windowBits) else { return nil }
      self.stream = stream
    }
  }

  /// One message as it was and as it is sent.
  private final class Entry {
    var windowBits = 0
    var message = ByteBuffer()
    var compressed = ByteBuffer()
    /// Whether `compressed` is what to send.
    var isSmaller = false
  }

  /// Appends `message` to `output` as a frame, compressed where that makes it smaller.
  mutating func append(
    _ opcode: FrameOpcode, _ message: ByteView, windowBits: Int, to output: inout ByteBuffer
  ) {
    guard let entry = compressed(message, windowBits), entry.isSmaller else {
      return output.append(frame: opcode, message)
    }
    output.append(frame: opcode, entry.compressed.view, isCompressed: true)
  }

  /// Nil where it is not compressed at all.
  private mutating func compressed(_ message: ByteView, _ windowBits: Int) -> Entry? {
    // RFC 7692 6: a message may go as it is, so a window that zlib does not have is agreed to and not used.
    guard message.count >= Self.messageBytesMin, RawDeflate.windowBits ~= windowBits else {
      return nil
    }
    if let known = entries.first(where: {
      $0.windowBits == windowBits && Self.areSame($0.message.bytes, message.bytes)
    }) {
      return known
    }
    return compress(message, windowBits)
  }

  private mutating func compress(_ message: ByteView, _ windowBits: Int) -> Entry? {
    let slot = windowBits - RawDeflate.windowBits.lowerBound
    if streams[slot] == nil { streams[slot] = StreamBox(windowBits: windowBits) }
    guard let stream = streams[slot] else { return nil }
    let entry = message.count <= Self.keptBytesMax ? nextEntry() : Entry()
    entry.windowBits = windowBits
    entry.message.removeAll()
    if message.count <= Self.keptBytesMax { entry.message.append(message) }
    entry.compressed.removeAll()
    entry.isSmaller = stream.stream.compress(message, into: &entry.compressed)
    return entry
  }

  private static func areSame(
    _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
  ) -> Bool {
    guard left.count == right.count, let a = left.baseAddress, let b = right.baseAddress else {
      return false
    }
    return memcmp(a, b, left.count) == 0
  }

  private mutating func nextEntry() -> Entry {
    guard entries.count == Self.entriesMax else {
      entries.append(Entry())
      return entries[entries.count - 1]
    }
    defer { oldest = (oldest + 1) % Self.entriesMax }
    return entries[oldest]
  }
}
