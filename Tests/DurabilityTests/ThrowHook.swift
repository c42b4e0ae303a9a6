import Glibc

/// What the testing library has called for each error that is thrown. It takes a lock, which in the child of a fork may be held by a thread
/// that is not there: a child that throws would wait for ever.
enum ThrowHook {
  /// Has children of this process throw without it.
  static func leaveInParent() { isLeft }

  private static let isLeft: Void = {
    _ = hooks
    pthread_atfork(nil, nil) {
      for hook in ThrowHook.hooks { hook.pointee = nil }
    }
  }()

  // Written only by a child, which has one thread.
  nonisolated(unsafe) private static let hooks: [UnsafeMutablePointer<UnsafeRawPointer?>] =
    ["_swift_willThrow", "_swift_willThrowTypedImpl"].compactMap { (name: String) in
      dlsym(nil, name)?.assumingMemoryBound(to: UnsafeRawPointer?.self)
    }
}
