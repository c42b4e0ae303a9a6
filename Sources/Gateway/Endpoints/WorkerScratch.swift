import Engine
import HTTPWire

/// Memory that one worker's requests use again and again; touched by that worker only.
final class WorkerScratch: @unchecked Sendable {
  let keys = KeyReader()
  /// A row or the like, before it is appended to an answer.
  var text: [UInt8] = []
  private var decoded = ByteBuffer(capacity: 256)
  private var ends: [Int] = []
  private var parts: [UnsafeRawBufferPointer] = []

  /// One value in a path, percent-decoded; valid until the next call.
  func keyPart(_ segment: ByteView) throws(Refused) -> UnsafeRawBufferPointer {
    decoded.removeAll()
    do {
      try decoded.append(percentDecoding: segment, .path)
    } catch {
      throw Refused(.badKey, "the key is not percent-encoded")
    }
    return decoded.bytes
  }

  /// The columns of a key in a path, percent-decoded; valid until the next call.
  func keyParts(_ segment: ByteView) throws(Refused) -> [UnsafeRawBufferPointer] {
    decoded.removeAll()
    ends.removeAll(keepingCapacity: true)
    parts.removeAll(keepingCapacity: true)
    var start = 0
    while start <= segment.count {
      let rest = segment[start..<segment.count]
      let length = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.count
      do {
        try decoded.append(percentDecoding: rest[0..<length], .path)
      } catch {
        throw Refused(.badKey, "the key is not percent-encoded")
      }
      ends.append(decoded.count)
      start += length + 1
    }
    var from = 0
    for end in ends {
      parts.append(UnsafeRawBufferPointer(rebasing: decoded.bytes[from..<end]))
      from = end
    }
    return parts
  }
}
