import Glibc

/// Nanoseconds of this thread's processor time that `body` takes: the least of five, which no interrupt has met.
///
/// Whoever else wants the processor does not count, so that two of them may be compared on a busy machine.
package func threadTime(_ body: () -> Void) -> Int {
  (0..<5).map { _ in
    let start = now()
    body()
    return now() - start
  }.min() ?? 0
}

private func now() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
