/// A drain under way.
struct DrainProgress {
  var deadline = Tick.never
  var completions: [@Sendable (Int) -> Void] = []
  var cutCount = 0
}
