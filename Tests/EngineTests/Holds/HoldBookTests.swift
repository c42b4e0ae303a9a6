import TestSupport
import Testing

@testable import Engine

/// The rules of holds one by one.
struct HoldBookTests {
  private let key = HoldKey([1])
  private let other = HoldKey([2])

  private func claim(_ units: Int64, replaces: HoldID? = nil, replaced: Int64 = 0) -> HoldClaim {
    HoldClaim(
      lines: [HoldUnits(key: key, units: units)], replaces: replaces,
      replaced: replaced > 0 ? [key: replaced] : [:])
  }

  private func id(_ number: UInt64) -> HoldID { HoldID(high: 0, low: number) }

  /// What admission says of one claim.
  private func admit(
    _ book: inout HoldBook, _ number: UInt64, _ claim: HoldClaim, _ available: Int64?
  ) -> [HoldShortage] {
    if case .short(let shortages) = book.admit(id(number), claim, available: [available]) {
      shortages
    } else {
      []
    }
  }

  private func judge(_ book: inout HoldBook, _ available: Int64?) -> [Bool] {
    book.judge { _ in available }.map(\.isGranted)
  }

  @Test func whatIsInFlightIsNotThereForOthers() {
    var book = HoldBook()
    let first = admit(&book, 1, claim(6), 10)
    let second = admit(&book, 2, claim(5), 10)
    #expect(first.isEmpty)
    #expect(second == [HoldShortage(line: 0, requested: 5, available: 4)])
    book.drop(id(1))
    let again = admit(&book, 2, claim(5), 10)
    #expect(again.isEmpty)
  }

  @Test func aKeyThatTheViewDoesNotHaveHasNothing() {
    var book = HoldBook()
    let unknown = admit(&book, 1, claim(1), nil)
    #expect(unknown.count == 1)
    _ = admit(&book, 2, claim(1), 5)
    let isDecidedHere = book.inserted(id(2))
    let verdicts = judge(&book, nil)
    #expect(isDecidedHere && verdicts == [false])
  }

  @Test func theOrderOfATransactionDecidesInsideOfIt() {
    var book = HoldBook()
    for (number, units) in [(1, 5), (2, 1), (3, 2)] as [(UInt64, Int64)] {
      _ = admit(&book, number, claim(units), 100)
      _ = book.inserted(id(number))
    }
    // Six were there: the first two fit, the third does not.
    let verdicts = book.judge { _ in 6 - 8 }
    #expect(verdicts.map(\.isGranted) == [true, true, false])
    #expect(verdicts[2].shortages == [HoldShortage(line: 0, requested: 2, available: 0)])
  }

  /// The units of refused rows are free for the ledger at once, and counted once when their rows say so.
  @Test func refusedUnitsAreFreeUntilTheRowSaysSo() {
    var book = HoldBook()
    _ = admit(&book, 1, claim(4), 100)
    _ = book.inserted(id(1))
    let first = judge(&book, -1)
    book.stepIsVisible()
    #expect(first == [false] && book.left(key, -1) == 3)
    // Its row is rejected in the step that brings another one: the view is at 3 - 3.
    _ = admit(&book, 2, claim(3), -1)
    book.ended(id(1))
    _ = book.inserted(id(2))
    #expect(book.left(key, -1) == 0, "readers see the view as it was")
    let second = judge(&book, 0)
    #expect(book.standing(of: id(2)) == .granting)
    book.stepIsVisible()
    #expect(second == [true] && book.left(key, 0) == 0 && book.standing(of: id(2)) == .granted)
  }

  @Test func whatIsReplacedIsDiscountedAndLessIsAlwaysGranted() {
    var book = HoldBook()
    let tooMuch = admit(&book, 2, claim(7, replaces: id(1), replaced: 4), 2)
    #expect(tooMuch == [HoldShortage(line: 0, requested: 7, available: 6)])
    let enough = admit(&book, 2, claim(6, replaces: id(1), replaced: 4), 2)
    _ = book.inserted(id(2))
    let first = judge(&book, -4)
    #expect(enough.isEmpty && first == [true])
    let less = admit(&book, 3, claim(3, replaces: id(2), replaced: 6), -50)
    _ = book.inserted(id(3))
    let second = judge(&book, -53)
    #expect(less.isEmpty && second == [true])
  }

  @Test func aRivalIsRefusedWhateverIsThere() {
    var book = HoldBook()
    _ = admit(&book, 1, claim(1), 9)
    _ = book.inserted(id(1))
    let verdicts = book.judge(available: { _ in 8 }, isRival: { $0 == self.id(1) })
    #expect(verdicts.map(\.isGranted) == [false] && verdicts[0].shortages.isEmpty)
    #expect(book.refusedIDs == [id(1)])
  }

  @Test func othersRowsAreNotDecidedHere() {
    var book = HoldBook()
    let isDecidedHere = book.inserted(id(7))
    let verdicts = judge(&book, -100)
    #expect(!isDecidedHere && verdicts.isEmpty && book.standing(of: id(7)) == .unknown)
  }

  @Test func aSnapshotDecidesWhatItHasAndEndsWhatHasEnded() {
    var book = HoldBook()
    for number in 1...3 as ClosedRange<UInt64> { _ = admit(&book, number, claim(2), 100) }
    let over = book.restarted { [self.id(1): .held, self.id(2): .ended][$0] }
    let verdicts = book.judge { _ in 0 }
    #expect(over == [id(2)] && verdicts.map(\.id) == [id(1)])
    #expect(book.standing(of: id(3)) == .undecided && book.inFlightCount == 1)
  }

  /// Whoever adopts a hold decides it there; whoever had refused it counts it from there on, and may not take it back.
  @Test func adoptedHoldsAreCountedByAll() {
    var first = HoldBook()
    _ = admit(&first, 1, claim(4), 100)
    _ = first.inserted(id(1))
    let refused = judge(&first, -1)
    var second = HoldBook()
    second.adopt(id(1), claim(4))
    let isDecidedThere = second.adopted(id(1))
    let granted = judge(&second, 0)
    second.stepIsVisible()
    #expect(refused == [false] && isDecidedThere && granted == [true])
    #expect(second.standing(of: id(1)) == .granted && second.left(key, 0) == 0)
    first.ended(id(1))
    _ = admit(&first, 2, claim(1), 1)
    _ = first.inserted(id(2))
    let next = judge(&first, -1)
    #expect(next == [false], "the first instance counts it again")
    // One that does not fit goes on to count: it may have been granted before.
    second.adopt(id(3), claim(4))
    _ = second.adopted(id(3))
    let short = judge(&second, -1)
    #expect(short == [false] && second.refusedIDs == [] && second.left(key, -1) == -1)
  }

  @Test func idsAreReadAndWrittenAsPostgresDoes() {
    var random = SeededRandom()
    for _ in 0..<1_000 {
      let id = HoldID(from: &random)
      #expect(HoldID(id.description) == id && id.description.utf8.count == 36)
      #expect(HoldID(id.description.uppercased()) == id)
      #expect(Array(id.description)[14] == "4")
    }
    for text in [
      "", "x", "00000000-0000-0000-0000-00000000000", "00000000-0000-0000-0000-0000000000000",
      "000000000000-0000-0000-00000000000000", "0000000g-0000-0000-0000-000000000000",
      "٣٣٣٣٣٣٣٣-0000-0000-0000-000000000000",
    ] { #expect(HoldID(text) == nil, "\(text)") }
  }

  @Test func theIndexKnowsWhatIsTaken() {
    var index = HoldIndex(hasher: RowHasher(seed: 7))
    func row(_ number: UInt64, _ status: HoldStatus, superseded: Bool = false) -> HoldRow {
      HoldRow(
        id: id(number), status: status, instance: id(99), supersededBy: superseded ? id(98) : nil,
        caller: "web", reference: "cart", idempotencyKey: "k", units: 3)
    }
    index.add(row(1, .held))
    #expect(index.hold(caller: "web", reference: "cart") == id(1))
    #expect(index.hold(caller: "app", reference: "cart") == nil)
    #expect(index.usage(of: "web").units == 3)
    // The first keeps both.
    index.add(row(2, .held))
    #expect(index.hold(caller: "web", idempotencyKey: "k") == id(1))
    index.remove(row(2, .held))
    index.remove(row(1, .held))
    index.add(row(1, .held, superseded: true))
    #expect(index.hold(caller: "web", reference: "cart") == nil)
    #expect(index.hold(caller: "web", idempotencyKey: "k") == id(1))
    index.remove(row(1, .held, superseded: true))
    index.add(row(1, .rejected))
    #expect(index.hold(caller: "web", idempotencyKey: "k") == nil)
    #expect(index.usage(of: "web") == HoldIndex.Usage())
  }
}
