import Engine
import Foundation
import TestSupport
import Testing

/// Signatures, ids, schedules, rates and the breaker.
struct DeliveryRuleTests {
  @Test func base64IsWhatFoundationMakesOfIt() {
    var random = SeededRandom()
    for _ in 0..<500 {
      let bytes = (0..<random.number(0...70)).map { _ in UInt8.random(in: 0...255, using: &random) }
      let text = Data(bytes).base64EncodedString()
      #expect(Base64.standard.encode(bytes) == text && Base64.standard.decode(text) == bytes)
    }
    for text in ["A", "AB", "ABC", "AB==C", "AB=", "A===", "AAB=", "QUJD\n", "QUJ-"] {
      #expect(Base64.standard.decode(text) == nil, "\(text)")
    }
  }

  @Test func aSecretIsShownToNobodyByAccident() throws {
    let secret = try #require(SigningSecret(bytes: Array(1...32)))
    #expect(SigningSecret(text: secret.revealed) == secret)
    #expect("\(secret) \(String(reflecting: secret))".contains(secret.revealed) == false)
    var dumped = ""
    dump(secret, to: &dumped)
    #expect(!dumped.contains("1") || !dumped.contains("32"), "\(dumped)")
    for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA", "whsec_%%%%"] {
      #expect(SigningSecret(text: text) == nil, "\(text)")
    }
  }

  @Test func whatIsSignedIsIdTimeAndBody() {
    #expect(
      WebhookSignature.prefix(id: "msg_1", timestamp: 1_614_265_330)
        == Array("msg_1.1614265330.".utf8))
    #expect(WebhookSignature.header([[0], [255]]) == "v1,AA== v1,/w==")
  }

  @Test func differentDeliveriesHaveDifferentIdentities() throws {
    let position = try #require(Position("k3f9:0/1A2B3C4D"))
    var seen: Set<[UInt8]> = []
    for endpoint in ["ep_1", "ep_11"] {
      for view in ["a.b", "a.bc"] {
        for key in [[UInt8]](arrayLiteral: [], [1], [1, 2], [2]) {
          let bytes = DeliveryIdentity.bytes(position, endpoint: endpoint, view: view, key: key)
          #expect(seen.insert(bytes).inserted)
          #expect(
            bytes == DeliveryIdentity.bytes(position, endpoint: endpoint, view: view, key: key))
        }
      }
    }
    #expect(DeliveryIdentity.text(digest: Array(0..<32)) == "msg_000102030405060708090a0b0c0d0e0f")
  }

  @Test func attemptsGoOnForThreeDaysAndGrowRare() throws {
    var random = SeededRandom()
    for _ in 0..<100 {
      let schedule = AttemptSchedule()
      var age: Int64 = 0
      var delays: [Int64] = []
      while let delay = schedule.delay(after: delays.count + 1, age: age, &random) {
        delays.append(delay)
        age += delay
      }
      #expect(age == 72 * 3_600_000, "the last attempt is made when the time is over")
      for (index, delay) in delays.dropLast().enumerated() {
        let full: Int64 = min(1_000 << Int64(index), 4 * 3_600_000)
        #expect(delay >= full / 2 && delay <= full)
      }
    }
    let asked = AttemptSchedule().delay(after: 1, age: 0, retryAfter: 60_000, &random)
    #expect(asked == 60_000)
    let greedy = AttemptSchedule().delay(after: 1, age: 0, retryAfter: .max, &random)
    #expect(greedy == AttemptSchedule.retryAfterMax)
  }

  /// Foundation as an oracle for dates.
  @Test func retryAfterIsSecondsOrADate() {
    var random = SeededRandom()
    let formats = [
      "EEE, dd MMM yyyy HH:mm:ss 'GMT'", "EEEE, dd-MMM-yy HH:mm:ss 'GMT'",
      "EEE MMM d HH:mm:ss yyyy",
    ]
    for _ in 0..<300 {
      let now = Int64(random.number(1_000_000_000...3_000_000_000))
      let then = now + Int64(random.number(-1_000...1_000_000))
      let formatter = DateFormatter()
      formatter.locale = Locale(identifier: "en_US_POSIX")
      formatter.timeZone = TimeZone(identifier: "UTC")
      formatter.dateFormat = random.pick(formats)
      let text = formatter.string(from: Date(timeIntervalSince1970: Double(then)))
      #expect(RetryAfter.milliseconds(text, now: now) == max(0, then - now) * 1_000, "\(text)")
    }
    #expect(RetryAfter.milliseconds("120", now: 0) == 120_000)
    #expect(RetryAfter.milliseconds(" 7", now: 0) == 7_000)
    for text in ["", "-1", "1.5", "soon", "Sun, 99 Nov 1994 08:49:37 GMT", "a b c d e f"] {
      #expect(RetryAfter.milliseconds(text, now: 0) == nil, "\(text)")
    }
    #expect(RetryAfter.milliseconds(String(repeating: "9", count: 99), now: 0) != nil)
  }

  @Test func noSecondHasMoreThanItsShare() {
    var random = SeededRandom()
    for _ in 0..<50 {
      let perSecond = random.number(1...500)
      var rate = RateLimit(perSecond: perSecond)
      var taken: [Int64] = []
      var now: Int64 = 0
      while now < 10_000 {
        if rate.take(now: now) {
          taken.append(now)
        } else {
          now = max(now + 1, rate.nextAt(now: now) ?? 0)
        }
      }
      // Every window of a second; the moments ascend.
      var end = 0
      for (begin, start) in taken.enumerated() {
        while end < taken.count, taken[end] < start + 1_000 { end += 1 }
        #expect(end - begin <= perSecond + max(1, perSecond / 10) + 1)
      }
      #expect(taken.count >= perSecond * 9)
    }
  }

  @Test func theBreakerSendsOneProbeAndWaitsLongerEachTime() {
    var random = SeededRandom()
    var breaker = CircuitBreaker()
    for _ in 1..<CircuitBreaker.failuresMax { breaker.failed(now: 0, &random) }
    #expect(breaker.state == .closed)
    breaker.failed(now: 0, &random)
    var now: Int64 = 0
    var pauses: [Int64] = []
    for _ in 0..<12 {
      let opensAt = breaker.opensAt ?? .max
      pauses.append(opensAt - now)
      #expect(!breaker.permits(now: opensAt - 1) && breaker.permits(now: opensAt))
      now = opensAt
      breaker.sent()
      #expect(!breaker.permits(now: .max), "one probe at a time")
      breaker.failed(now: now, &random)
    }
    #expect(pauses[0] <= 1_000 && (150_000...300_000).contains(pauses[11]))
    breaker.succeeded()
    #expect(breaker.permits(now: now) && breaker.failuresInRow == 0)
  }
}
