import Engine
import HTTPWire

/// The parameters that every read takes, and those of lists.
struct ReadParameters {
  /// The position that the answer must include, as given.
  enum MinPosition {
    case lsn(LSN)
    case position(Position)
  }

  private(set) var minPosition: MinPosition?
  private(set) var wait = Self.waitDefault
  private(set) var limit = Self.limitDefault
  /// As sent, percent-decoded.
  private(set) var cursor: String?

  static let waitDefault = Duration.seconds(2)
  private static let waitMax = Duration.seconds(30)
  private static let limitDefault = 1_000
  /// A page of this many rows is a few megabytes.
  private static let limitMax = 10_000

  /// - Parameter takesPages: whether `limit` and `cursor` mean something here.
  init(_ request: borrowing Request, takesPages: Bool) throws(Refused) {
    if let field = request.field("onhand-min-position") {
      minPosition = try Self.minPosition(field.string)
    }
    guard !request.query.isEmpty else { return }
    for (name, value) in QueryFields(request.query) {
      guard let text = value.percentDecoded(.query) else {
        throw Refused(.badParameter, "\(name.string) is not percent-encoded UTF-8")
      }
      if name == "min_position" {
        minPosition = try Self.minPosition(text)
      } else if name == "wait" {
        wait = try Self.wait(text)
      } else if takesPages, name == "limit" {
        guard let number = Int(text), (0...Self.limitMax).contains(number) else {
          throw Refused(.badParameter, "limit must be a number from 0 to \(Self.limitMax)")
        }
        limit = number
      } else if takesPages, name == "cursor" {
        cursor = text
      } else {
        let known = takesPages ? "min_position, wait, limit, cursor" : "min_position, wait"
        throw Refused(.unknownParameter, "\"\(name.string)\" is not known here; known are \(known)")
      }
    }
  }

  private static func minPosition(_ text: String) throws(Refused) -> MinPosition {
    if let lsn = LSN(text) { return .lsn(lsn) }
    if let position = Position(text) { return .position(position) }
    throw Refused(
      .badPosition, "give an LSN as 0/1A2B3C4D, or a position as Onhand-Position has it")
  }

  /// `2s`, `250ms` or `0`.
  private static func wait(_ text: String) throws(Refused) -> Duration {
    let duration: Duration?
    if text.hasSuffix("ms") {
      duration = Int(text.dropLast(2)).map { .milliseconds($0) }
    } else if text.hasSuffix("s") {
      duration = Int(text.dropLast()).map { .seconds($0) }
    } else {
      duration = text == "0" ? .zero : nil
    }
    guard let duration, duration >= .zero, duration <= waitMax else {
      throw Refused(.badParameter, "wait must be a time up to 30s, as 2s or 250ms")
    }
    return duration
  }
}
