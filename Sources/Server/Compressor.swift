import Dispatch
import HTTPWire
import Synchronization

/// Compresses answers on a queue of its own, so that a large one delays no other of its worker.
final class Compressor: Sendable {
  private let queue = DispatchQueue(label: "onhand.compressor", qos: .utility)
  private let waitingBytes = Atomic(0)
  private let stream = StreamBox()

  /// Some tens of milliseconds of work. Beyond it an answer goes as it is: sending more bytes is
  /// then quicker than waiting.
  static let waitingBytesMax = 8_388_608

  /// Touched on `queue` only.
  private final class StreamBox: @unchecked Sendable {
    private var stream: GzipStream?

    /// Leaves the answer as it is where it would not get smaller.
    func compress(_ answer: PendingAnswer) {
      if stream == nil { stream = GzipStream() }
      if let body = stream?.compressed(answer.response.body) {
        answer.response.replaceBody(withGzip: body)
      }
    }
  }

  /// Compresses `answer` and then calls `completion` on some queue; false when there is too much to
  /// do already.
  func compress(
    _ answer: PendingAnswer, _ completion: @escaping @Sendable () -> Void
  ) -> Bool {
    let bytes = answer.response.body.count
    let before = waitingBytes.wrappingAdd(bytes, ordering: .relaxed).oldValue
    // The only one may be of any size.
    guard before == 0 || before + bytes <= Self.waitingBytesMax else {
      waitingBytes.wrappingSubtract(bytes, ordering: .relaxed)
      return false
    }
    queue.async {
      self.stream.compress(answer)
      self.waitingBytes.wrappingSubtract(bytes, ordering: .relaxed)
      completion()
    }
    return true
  }
}

/// A complete answer on its way through the compressor: one side has it at a time.
final class PendingAnswer: @unchecked Sendable {
  var response: Response

  init(_ response: consuming Response) {
    self.response = response
  }

  func takeResponse() -> Response {
    exchange(&response, with: Response())
  }
}
