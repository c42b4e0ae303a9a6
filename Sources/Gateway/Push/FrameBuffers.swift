import Engine
import HTTPWire

/// Memory that frames are put together in, and the last changes put together, which the next subscription may have to be told
/// as well.
final class FrameBuffers {
  var items = ByteBuffer()
  var failures = ByteBuffer()
  private var cached = ByteBuffer()
  private var cacheName: CacheName?

  /// Which changes of which rows, in which shape.
  struct CacheName: Equatable {
    let interest: ObjectIdentifier
    let after: UInt64
    let sequence: UInt64
    let shape: String
  }

  /// Appends the changes of this name to the items, if they are the last that were kept.
  func reuse(_ name: CacheName) -> Bool {
    guard cacheName == name else { return false }
    items.append(cached.view)
    return true
  }

  /// Keeps the items there are for the next who asks for them.
  func keep(_ name: CacheName) {
    cached.removeAll()
    cached.append(items.view)
    cacheName = name
  }

  func removeAll() {
    items.removeAll()
    failures.removeAll()
    if items.capacity > Self.keptBytesMax { items.release() }
    if failures.capacity > Self.keptBytesMax { failures.release() }
  }

  private static let keptBytesMax = 262_144
}
