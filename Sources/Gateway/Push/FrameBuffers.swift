import Engine
import HTTPWire

/// Memory that frames are put together in, and the last changes and the last frame put together, which the next subscription may
/// have to be told as well.
final class FrameBuffers {
  @exclusivity(unchecked) var items = ByteBuffer()
  @exclusivity(unchecked) var failures = ByteBuffer()
  @exclusivity(unchecked) private var cached = ByteBuffer()
  @exclusivity(unchecked) private var cacheName: CacheName?
  @exclusivity(unchecked) private var frame = ByteBuffer()
  @exclusivity(unchecked) private var frameName: FrameName?
  private var ids: Set<[UInt8]> = []

  /// Which changes of which rows, in which shape.
  struct CacheName: Equatable {
    /// Held, so that no other can take its place in memory.
    let interest: Interest
    let after: UInt64
    let sequence: UInt64
    let shape: [UInt8]

    static func == (left: CacheName, right: CacheName) -> Bool {
      left.interest === right.interest && left.after == right.after
        && left.sequence == right.sequence && left.shape == right.shape
    }
  }

  /// Everything that a frame depends on which tells changes and is the last of its capture.
  struct FrameName {
    let changes: CacheName
    let previous: Position?
    /// What it tells, which may move on without a step.
    let position: Position
    /// Of the subscription, as JSON.
    let id: [UInt8]?
  }

  /// The same bytes for all subscriptions of this id, so that a frame's id is compared without a look at memory of each.
  func shared(_ id: [UInt8]) -> [UInt8] {
    if ids.count >= Self.idsMax { ids.removeAll() }
    return ids.insert(id).memberAfterInsert
  }

  /// Writes the last frame that was kept, if its name is the one.
  func repeatFrame(_ message: inout ByteBuffer, where isTheOne: (FrameName) -> Bool) -> Bool {
    guard let frameName, isTheOne(frameName) else { return false }
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

  /// Lets go of what was put together for an interest, whose view may be gone.
  func forget(_ interest: Interest) {
    if cacheName?.interest === interest { cacheName = nil }
    if frameName?.changes.interest === interest { frameName = nil }
  }

  func removeAll() {
    items.removeAll()
    failures.removeAll()
    if items.capacity > Self.keptBytesMax { items.release() }
    if failures.capacity > Self.keptBytesMax { failures.release() }
  }

  private static let keptBytesMax = 262_144
  private static let idsMax = 1_000
}
