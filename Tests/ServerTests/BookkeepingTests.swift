import Addresses
import Testing

@testable import Server

@Suite struct BookkeepingTests {
  @Test func connectionsGoToTheWorkerWithFewest() {
    let ledger = ConnectionLedger(workerCount: 3, connectionsMax: 100, perAddressMax: nil)
    let address = socket(from: 1)
    #expect((0..<3).map { _ in ledger.admit(address) }.map(\.worker) == [0, 1, 2])
    ledger.release(address, worker: 1)
    #expect(ledger.admit(address).worker == 1)
    #expect(ledger.total == 3)
  }

  @Test func anAddressIsCountedOnItsOwn() {
    let ledger = ConnectionLedger(workerCount: 1, connectionsMax: 3, perAddressMax: 2)
    let (one, two) = (socket(from: 1), socket(from: 2))
    #expect([one, one, one, two, two].map { ledger.admit($0).worker } == [0, 0, nil, 0, nil])
    ledger.release(one, worker: 0)
    #expect(ledger.admit(two).worker == 0)
    ledger.release(two, worker: 0)
    #expect(ledger.admit(one).worker == 0)
  }

  @Test func aProxysConnectionsAreCountedToItsClientsWhileTheyWait() {
    let ledger = ConnectionLedger(workerCount: 1, connectionsMax: 9, perAddressMax: 2)
    let proxy = socket(from: 1, isTrustedProxy: true)
    #expect((0..<5).map { _ in ledger.admit(proxy).worker } == [0, 0, 0, 0, 0])
    let client = IPAddress(high: 0, low: 2)
    #expect((0..<3).map { _ in ledger.admitWaiting(client) } == [true, true, false])
    #expect(ledger.admit(socket(from: 2)) == .refused)
    ledger.releaseWaiting(client)
    #expect(ledger.admit(socket(from: 2)).worker == 0)
    ledger.release(proxy, worker: 0)
    #expect(ledger.total == 5)
  }

  @Test func aTokenNamesNoConnectionButItsOwn() {
    var table = ConnectionTable()
    let socket = AcceptedSocket(
      descriptor: -1, peer: PeerAddress(ip: IPAddress(high: 0, low: 1), port: 1))
    let first = table.insert(socket)
    #expect(table[first.token] === first)
    table.remove(first)
    let second = table.insert(socket)
    #expect(second.token.slot == first.token.slot)
    #expect(table[first.token] == nil)
    #expect(table[second.token] === second)
    #expect(ConnectionToken(rawValue: second.token.rawValue) == second.token)
    #expect(table[Doorbell.token] == nil)
  }

  @Test func aDeadlineExpiresItsConnectionOnly() {
    let clock = TickClock(origin: .now)
    let now = clock.tick(at: .now)
    var table = ConnectionTable()
    let socket = AcceptedSocket(
      descriptor: -1, peer: PeerAddress(ip: IPAddress(high: 0, low: 1), port: 1))
    let connections = (0..<3).map { _ in table.insert(socket) }
    table.setDeadline(now.after(1), of: connections[0])
    table.setDeadline(now.after(5), of: connections[1])
    #expect(table.expired(at: now.after(0)).isEmpty)
    #expect(table.expired(at: now.after(1)).map(\.token) == [connections[0].token])
    #expect(table.expired(at: now.after(5)).count == 2)
  }

  @Test func ticksNeverComeEarly() {
    let origin = ContinuousClock.now
    let clock = TickClock(origin: origin)
    for milliseconds in [0, 1, 99, 100, 101, 12_345] {
      let instant = origin + .milliseconds(milliseconds)
      let deadline = clock.tick(notBefore: instant)
      #expect(clock.tick(at: instant - .nanoseconds(1)) < deadline || milliseconds == 0)
      #expect(clock.tick(at: instant + .milliseconds(TickClock.tickMilliseconds)) >= deadline)
      for late in [0, 1, 50, 99] {
        let start = origin + .milliseconds(late)
        let end = clock.tick(at: start).after(TickClock.ticks(in: .milliseconds(milliseconds)))
        #expect(clock.tick(at: start + .milliseconds(milliseconds) - .nanoseconds(1)) < end)
      }
    }
    #expect(clock.tick(notBefore: origin - .seconds(5)) == clock.tick(at: origin))
    #expect(clock.tick(notBefore: origin + .seconds(1 << 60)) < .never)
  }

  @Test func addressesAreTheSameHoweverTheyArrive() {
    let loopback = IPAddress(high: 0, low: 0x0000_FFFF_7F00_0001)
    #expect(loopback.ipv4 == 0x7F00_0001)
    #expect(loopback.isLoopback)
    #expect(IPAddress(high: 0, low: 1).isLoopback)
    #expect(IPAddress(high: 0, low: 1).ipv4 == nil)
    #expect(!IPAddress(high: 0, low: 0x0000_FFFF_0A00_0001).isLoopback)
    #expect(!IPAddress(high: 1, low: 1).isLoopback)
  }
}

private func socket(from address: UInt64, isTrustedProxy: Bool = false) -> AcceptedSocket {
  let peer = PeerAddress(ip: IPAddress(high: 0, low: address), port: 1)
  return AcceptedSocket(descriptor: -1, peer: peer, isTrustedProxy: isTrustedProxy)
}

extension ConnectionLedger.Decision {
  fileprivate var worker: Int? {
    switch self {
    case .admitted(let worker): worker
    case .refused: nil
    }
  }
}
