import Engine
import HTTPWire

/// Memory that frames are put together in, and the last changes and the last frame put together, which the next subscription may
/// have to be told as well.
final class FrameBuffers {
  var items = ByteBuffer()
  var failures = ByteBuffer()
  private var cached = ByteBuffer()
  private var cacheName: CacheName?
  private var frame = ByteBuffer()
  private var frameName: FrameName?

  /// Which changes of which rows, in which shape.
  struct CacheName: Equatable {
    let interest: ObjectIdentifier
    let after: UInt64
    let sequence: UInt64
    let shape: String
  }

  /// Everything that a frame depends on which tells changes and is the last of its capture.
  struct FrameName: Equatable {
    let changes: CacheName
    let previous: Position?
    /// Of the subscription, as JSON.
    let id: [UInt8]?
  }

  /// Writes the frame of this name, if it is the last that was kept.
  func repeatFrame(_ name: FrameName, _ message: inout ByteBuffer) -> Bool {
    guard frameName == name else { return false }
    message.append(frame.view)
    return true
  }

  /// Keeps a frame for the next who is to be told the same; 1,000 subscriptions to one row are told it with as many copies of bytes.
  func keepFrame(_ name: FrameName, _ message: ByteView) {
    frame.removeAll()
    frameName = nil
    guard message.count <= Self.keptBytesMax else { return }
    frame.append(message)
    frameName = name
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
