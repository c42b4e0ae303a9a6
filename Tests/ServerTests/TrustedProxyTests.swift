import Addresses
import HTTPWire
import Testing

@testable import Server

@Suite struct TrustedProxyTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false),
    ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.4", false),
    ("10.1.2.3/31", "10.1.2.2", true), ("0.0.0.0/0", "255.1.2.3", true),
    ("0.0.0.0/0", "::1", false), ("::/0", "2001:db8::1", true), ("::1", "::1", true),
    ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
    ("2001:db8::/127", "2001:db8::1", true), ("2001:db8::/127", "2001:db8::2", false),
    ("2001:db8::/64", "2001:db8::ffff:0:0:1", true), ("::ffff:10.0.0.1", "10.0.0.1", true),
  ])
  func aRangeHasTheAddressesWithItsPrefix(_ range: String, _ address: String, _ isIn: Bool) throws {
    let range = try #require(AddressRange(range))
    let address = try #require(IPAddress(address))
    #expect(range.contains(address) == isIn)
  }

  @Test(arguments: [
    "", "10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "host",
    "10.0.0.0/+8", "1.2.3.4 ", "[::1]", "::1%eth0", String(repeating: "1", count: 60),
  ])
  func whatIsNoRangeIsRefused(_ text: String) {
    #expect(AddressRange(text) == nil)
  }

  @Test(arguments: ["192.0.2.1", "::1", "2001:db8::8:800:200c:417a", "255.255.255.255", "::"])
  func anAddressIsWrittenAsItIsRead(_ text: String) throws {
    var buffer = ByteBuffer()
    buffer.append(try #require(IPAddress(text)))
    #expect(buffer.view.string == text)
  }

  @Test(
    arguments: [
      ([], "10.0.0.1"),
      (["X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
      (["X-Forwarded-For: 6.6.6.6, 192.0.2.7"], "192.0.2.7"),
      (["X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.0.0.2 ,10.0.0.3"], "192.0.2.7"),
      (["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.7,10.9.9.9"], "192.0.2.7"),
      (["X-Forwarded-For: 10.0.0.2, 10.0.0.3"], "10.0.0.2"),
      (["X-Forwarded-For: 192.0.2.7, unknown, 10.0.0.3"], "10.0.0.3"),
      (["X-Forwarded-For: 192.0.2.7,"], "192.0.2.7"),
      (["X-Forwarded-For: 192.0.2.7,,"], "10.0.0.1"),
      (["X-Forwarded-For: "], "10.0.0.1"),
      (["X-Forwarded-For: 192.0.2.7:4711"], "192.0.2.7"),
      (["X-Forwarded-For: [2001:db8::7]:4711"], "2001:db8::7"),
      (["X-Forwarded-For: 2001:db8::7"], "2001:db8::7"),
      (["X-Forwarded-For: \(String(repeating: "9", count: 5_000))"], "10.0.0.1"),
      (["Forwarded: for=192.0.2.7;proto=https"], "192.0.2.7"),
      (
        ["Forwarded: for=6.6.6.6, By=x; For=\"192.0.2.7:80\" ;host=\"a,for=1.1.1.1;\""], "192.0.2.7"
      ),
      (["Forwarded: for=\"[2001:db8::7]:80\", for=10.0.0.2"], "2001:db8::7"),
      (["Forwarded: for=192.0.2.7, for=_hidden"], "10.0.0.1"),
      (["Forwarded: for=192.0.2.7, proto=https"], "10.0.0.1"),
      (["Forwarded: for=\"192.0.2.7"], "10.0.0.1"),
      (["Forwarded: for=6.6.6.6", "X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
    ] as [([String], String)])
  func theClientIsTheNearestThatIsNoProxy(_ fields: [String], _ client: String) throws {
    let proxies = TrustedProxies([try #require(AddressRange("10.0.0.0/8"))])
    let peer = try #require(IPAddress("10.0.0.1"))
    #expect(try clients(fields, peer, proxies) == client)
  }

  @Test func whoIsNoProxyIsNotBelieved() throws {
    let proxies = TrustedProxies([try #require(AddressRange("10.0.0.0/8"))])
    let peer = try #require(IPAddress("192.0.2.1"))
    #expect(try clients(["X-Forwarded-For: 10.0.0.2"], peer, proxies) == "192.0.2.1")
  }

  @Test func aClientBehindAProxyHasAShareOfWhatWaits() async throws {
    var limits = ServerLimits()
    limits.connectionsPerAddressMax = 2
    let proxies = TrustedProxies([try #require(AddressRange("127.0.0.0/8"))])
    let gate = Gate()
    try await withServer(limits, trustedProxies: proxies, gate.handler()) { server in
      func request(from address: String) throws -> TestClient {
        let client = try TestClient(port: server.port)
        try client.send(
          "GET /gate HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: \(address)\r\n\r\n" + get("/next"))
        return client
      }
      let greedy = try (0..<2).map { _ in try request(from: "192.0.2.1") }
      #expect(try await eventually { gate.wakers.count == 2 })
      let refusal = try request(from: "192.0.2.1").receive()
      #expect(refusal.status == 429)
      #expect(refusal.code == "parked_requests_of_address_too_many")
      let modest = try request(from: "192.0.2.2")
      #expect(try await eventually { gate.wakers.count == 4 })
      greedy[0].close()
      #expect(try await eventually { server.connectionCount == 2 })
      let next = try request(from: "192.0.2.1")
      #expect(try await eventually { gate.wakers.count == 5 })
      gate.open()
      for client in [greedy[1], modest, next] {
        #expect(try client.receive().status == 200)
        #expect(try client.receive().body == "GET /next ")
      }
    }
  }

  private func clients(
    _ fields: [String], _ peer: IPAddress, _ proxies: TrustedProxies
  ) throws -> String {
    let lines = ["GET / HTTP/1.1", "Host: h"] + fields + ["", ""]
    var bytes = Array(lines.joined(separator: "\r\n").utf8)
    var decoder = RequestDecoder()
    var table = FieldTable(capacity: 10)
    var text = ByteBuffer()
    bytes.withUnsafeMutableBytes { bytes in
      guard case .complete(let frame) = decoder.decode(bytes, RequestLimits(), &table) else {
        Issue.record("not a request")
        return
      }
      let request = Request(frame, UnsafeRawBufferPointer(bytes), table)
      text.append(proxies.client(of: request, from: peer))
    }
    return text.view.string
  }
}
