import Addresses
import Engine
import Foundation
import TestSupport
import Testing

struct AddressGuardTests {
  /// Each stands for 127.0.0.1 to some resolver.
  @Test(arguments: [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0X7F.1", "017700000001",
    "0177.0.0.1", "127.0.0.0x1", "127.0.0.1.", "00000000177.0.0.01",
  ])
  func everySpellingOfAnIPv4AddressIsRead(text: String) throws {
    #expect(IPAddress.endsInNumber(text))
    #expect(try #require(IPAddress(host: text)).description == "127.0.0.1")
  }

  @Test(arguments: [
    "", ".", "1.2.3.4.5", "256.1.1.1", "1.256.1", "0x100000000", "4294967296", "08.0.0.1", "0x7g.1",
    "1..2", "127.0.0.1 ", "-1", "+1", "1e3", "::g", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
    "::1::", "12345::", "::1.2.3", "::1.2.3.256", "::01.2.3.4", "::1%lo", "1.2.3.4::",
    "::ffff:1.2.3.4.5",
  ])
  func whatIsNoAddressIsNone(text: String) {
    #expect(IPAddress(host: text) == nil, "\(text)")
  }

  /// Python's `ipaddress` as an oracle for how IPv6 addresses are read.
  @Test func addressesAreReadAsPythonReadsThem() throws {
    var random = SeededRandom()
    var texts: [String] = []
    while texts.count < 2_000 {
      let text = Self.ipv6Text(&random)
      if text.contains(":") { texts.append(text) }
    }
    let answers = try Self.python(
      """
      import ipaddress, sys
      for line in sys.stdin:
          try: print(ipaddress.IPv6Address(line.strip()).exploded)
          except ValueError: print("none")
      """, texts)
    for (text, answer) in zip(texts, answers) {
      let ours = IPAddress(host: text).map { address in
        [address.high, address.low].flatMap { word in
          [48, 32, 16, 0].map { String(format: "%04x", Int(word >> UInt64($0) & 0xFFFF)) }
        }.joined(separator: ":")
      }
      #expect(ours ?? "none" == answer, "\(text)")
    }
  }

  private static func ipv6Text(_ random: inout SeededRandom) -> String {
    var parts: [String] = []
    for _ in 0..<random.number(1...9) {
      parts.append(
        random.oneIn(5) ? "" : String(random.number(0...70_000) >> random.number(0...16), radix: 16)
      )
    }
    if random.oneIn(4) { parts.append("\(random.number(0...260)).1.2.3") }
    return parts.joined(separator: ":") + (random.oneIn(6) ? "::" : "")
  }

  /// Whatever Python knows as not global, or as multicast, is refused; near the edges of every range as well.
  @Test func nothingPassesThatPythonCallsPrivate() throws {
    var random = SeededRandom()
    let edges = [
      "0.0.0.0", "10.0.0.0", "100.64.0.0", "127.0.0.0", "169.254.0.0", "172.16.0.0", "192.0.0.0",
      "192.0.2.0", "192.88.99.0", "192.168.0.0", "198.18.0.0", "198.51.100.0", "203.0.113.0",
      "224.0.0.0", "240.0.0.0", "255.255.255.255", "::", "::1", "::ffff:0:0", "64:ff9b::",
      "64:ff9b:1::", "100::", "2001::", "2001:2::", "2001:db8::", "2002::", "3fff::", "5f00::",
      "fc00::", "fe80::", "fec0::", "ff00::", "2000::", "4000::",
    ].compactMap { IPAddress(host: $0) }
    var addresses: [IPAddress] = []
    for edge in edges {
      for _ in 0..<60 { addresses.append(Self.near(edge, &random)) }
    }
    for _ in 0..<1_000 {
      addresses.append(IPAddress(ipv4: UInt32.random(in: 0 ... .max, using: &random)))
    }
    let answers = try Self.python(
      """
      import ipaddress, sys
      for line in sys.stdin:
          a = ipaddress.ip_address(line.strip())
          print("yes" if a.is_global and not a.is_multicast and not a.is_reserved else "no")
      """, addresses.map(\.description))
    let guardian = AddressGuard()
    var permitted = 0
    for (address, answer) in zip(addresses, answers) {
      let isPermitted = guardian.permits(address)
      if isPermitted { permitted += 1 }
      #expect(!isPermitted || answer == "yes", "\(address)")
    }
    #expect(permitted > 500, "the public internet is reached")
  }

  private static func near(_ edge: IPAddress, _ random: inout SeededRandom) -> IPAddress {
    let offset = UInt64(random.number(0...3)) << UInt64(random.number(0...20))
    let isUp = random.oneIn(2)
    if let ipv4 = edge.ipv4 {
      let offset = UInt32(truncatingIfNeeded: offset)
      return IPAddress(ipv4: isUp ? ipv4 &+ offset : ipv4 &- offset)
    }
    let shift = UInt64(random.pick([0, 16, 32, 48]))
    return IPAddress(
      high: isUp ? edge.high &+ (offset << shift) : edge.high &- (offset << shift),
      low: random.next())
  }

  private static func python(_ program: String, _ lines: [String]) throws -> [String] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", program]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    Thread.detachNewThread {
      input.fileHandleForWriting.write(Data((lines.joined(separator: "\n") + "\n").utf8))
      try? input.fileHandleForWriting.close()
    }
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    let answers = String(decoding: answer, as: UTF8.self).split(separator: "\n").map(String.init)
    try #require(answers.count == lines.count)
    return answers
  }

  @Test func exceptionsHoldForTheMappedFormToo() throws {
    let block = try #require(AddressRange("127.0.0.0/8"))
    let guardian = AddressGuard(allowed: [block])
    let loopback = try #require(IPAddress(host: "127.0.0.1"))
    let mapped = try #require(IPAddress(host: "::ffff:127.0.0.1"))
    #expect(guardian.permits(loopback) && guardian.permits(ipv6: mapped))
    let open = AddressGuard()
    let mappedPublic = try #require(IPAddress(host: "::ffff:8.8.8.8"))
    #expect(!open.permits(ipv6: mappedPublic), "no name server has reason to give it")
    for text in ["0.0.0.0/0", "::/0"] {
      let all = AddressGuard(allowed: [try #require(AddressRange(text))])
      #expect(all.permits(loopback))
    }
  }

  @Test(arguments: [
    ("http://user@example.com/", WebhookURL.Fault.hasUserinfo),
    ("http://example.com@127.0.0.1/", .hasUserinfo), ("http://example.com/#x", .hasFragment),
    ("ftp://example.com/", .schemeUnknown), ("//example.com/", .schemeUnknown),
    ("http://exa mple.com/", .malformed), ("http://example.com\\@127.0.0.1/", .malformed),
    ("http://127.0.0.1\t/", .malformed), ("http://exämple.com/", .notASCII),
    ("http://①②⑦.0.0.1/", .notASCII), ("http:///x", .hostMalformed),
    ("http://a..b/", .hostMalformed),
    ("http://[::1/", .hostMalformed), ("http://[::1%25lo]/", .hostMalformed),
    ("http://1.2.3.4.5/", .hostMalformed), ("http://%31%32%37.0.0.1/", .hostMalformed),
    ("http://example.com:0/", .portMalformed), ("http://example.com:65536/", .portMalformed),
    ("http://example.com:+80/", .portMalformed), ("http://2130706433/", .addressRefused),
    ("http://[::ffff:7f00:1]/", .addressRefused), ("http://[64:ff9b::8.8.8.8]/", .addressRefused),
    ("http://LocalHost./", .addressRefused), ("http://x.localhost/", .addressRefused),
  ])
  func aURLThatCouldMeanSomethingElseIsRefused(text: String, fault: WebhookURL.Fault) {
    #expect(throws: fault) { try WebhookURL(text, AddressGuard()) }
  }

  @Test(arguments: [
    ("https://Example.COM", "https://example.com:443/"),
    ("http://example.com:8080?a=b", "http://example.com:8080/?a=b"),
    ("https://example.com./x/../y?q#".dropLast().description, "https://example.com:443/x/../y?q"),
    ("http://0x08080808/", "http://8.8.8.8:80/"), ("http://8.8.2056/", "http://8.8.8.8:80/"),
    ("http://[2606:4700::1111]/", "http://[2606:4700:0:0:0:0:0:1111]:80/"),
  ])
  func aURLIsWrittenInOneWay(text: String, canonical: String) throws {
    #expect(try WebhookURL(text, AddressGuard()).description == canonical)
  }
}
