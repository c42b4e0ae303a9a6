/// `LIKE`: `%` stands for any characters, `_` for one, a backslash takes the next literally.
enum LikePattern {
  /// Whether the whole of `text` matches; both in UTF-8.
  ///
  /// On a mismatch only the last `%` is tried further along, which is enough: linear in practice, and never
  /// worse than the product of the lengths.
  static func matches(_ pattern: UnsafeRawBufferPointer, _ text: UnsafeRawBufferPointer) -> Bool {
    var p = 0
    var t = 0
    var retry: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "%") {
        retry = (p + 1, t)
        p += 1
      } else if p < pattern.count, pattern[p] == UInt8(ascii: "_") {
        p += 1
        t = nextCharacter(text, t)
      } else if let literal = literal(pattern, p), pattern[literal] == text[t] {
        p = literal + 1
        t += 1
      } else if let from = retry {
        t = nextCharacter(text, from.text)
        retry = (from.pattern, t)
        p = from.pattern
      } else {
        return false
      }
    }
    while p < pattern.count, pattern[p] == UInt8(ascii: "%") { p += 1 }
    return p == pattern.count
  }

  /// Where the literal byte at `p` is, behind a backslash or not; nil at the end.
  private static func literal(_ pattern: UnsafeRawBufferPointer, _ p: Int) -> Int? {
    guard p < pattern.count else { return nil }
    guard pattern[p] == UInt8(ascii: "\\"), p + 1 < pattern.count else { return p }
    return p + 1
  }

  private static func nextCharacter(_ text: UnsafeRawBufferPointer, _ t: Int) -> Int {
    var next = t + 1
    while next < text.count, text[next] & 0xC0 == 0x80 { next += 1 }
    return next
  }
}
