/// Why a view can't be kept live: never a guess, never a silently wrong view.
package struct Refusal: Error, Sendable, CustomStringConvertible {
  /// The view or table concerned.
  package let subject: String
  /// What it contains.
  package let construct: String
  /// What to do instead.
  package let advice: String

  package init(subject: String, construct: String, advice: String) {
    self.subject = subject
    self.construct = construct
    self.advice = advice
  }

  package var description: String { "\(subject): \(construct): \(advice)" }
}
