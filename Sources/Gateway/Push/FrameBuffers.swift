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
  /// Of the last frame that was kept.
  @exclusivity(unchecked) private(set) var frameName: FrameName?
  private var ids: Set<[UInt8]> = []
  private var styles: [FrameStyle.Name: FrameStyle] = [:]

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
  ///
  /// A class, since it is compared for each message that is told, and a copy would count the owners of all its parts.
  final class FrameName {
    let interest: Interest
    let style: FrameStyle
    let after: UInt64
    let sequence: UInt64
    let previous: Position?
    /// What it tells, which may move on without a step.
    let position: Position

    init(
      _ interest: Interest, _ style: FrameStyle, after: UInt64, sequence: UInt64,
      previous: Position?, position: Position
    ) {
      self.interest = interest
      self.style = style
      self.after = after
      self.sequence = sequence
      self.previous = previous
      self.position = position
    }
  }

  /// The same bytes for all subscriptions of this id, which are mostly one.
  func shared(_ id: [UInt8]) -> [UInt8] {
    if ids.count >= Self.namesMax { ids.removeAll() }
    return ids.insert(id).memberAfterInsert
  }

  /// The same style for all who are told rows in the same way.
  func style(_ form: FrameForm, shape: [UInt8]) -> FrameStyle {
    let name = FrameStyle.Name(id: form.id, shape: shape)
    if let known = styles[name] { return known }
    if styles.count >= Self.namesMax { styles.removeAll() }
    let style = FrameStyle(name)
    styles[name] = style
    return style
  }

  /// Writes the last frame that was kept once more.
  func repeatFrame(_ message: inout ByteBuffer) { message.append(frame.view) }

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
    if frameName?.interest === interest { frameName = nil }
  }

  func removeAll() {
    items.removeAll()
    failures.removeAll()
    if items.capacity > Self.keptBytesMax { items.release() }
    if failures.capacity > Self.keptBytesMax { failures.release() }
  }

  private static let keptBytesMax = 262_144
  private static let namesMax = 1_000
}

/// How frames are written for some subscriptions: with which id, and which columns how. One object for all that are alike, so that
/// it is compared without a look at what it says.
final class FrameStyle {
  struct Name: Hashable {
    /// Of the subscription, as JSON.
    let id: [UInt8]?
    let shape: [UInt8]
  }

  let name: Name

  init(_ name: Name) { self.name = name }
}
