import Engine
import HTTPWire
import Holds
import JSONWire
import Runtime
import Server

/// `/v1/holds` and below: takes holds and changes them, for those who may.
final class HoldEndpoints: Sendable {
  /// What surrounds one request.
  struct Asked {
    let owner: String
    let parameters: ReadParameters
    let scratch: WorkerScratch
    let cause: AttemptCause
    let id: RequestID
    let now: ContinuousClock.Instant
    let waker: Waker
    let worker: Int
  }

  private let desk: HoldDesk
  private let settings: HoldSettings
  private let availability: AvailabilityEndpoints
  private let store: ViewStore
  private let waiting: [WaitingHolds]

  init(
    _ desk: HoldDesk, _ settings: HoldSettings, _ availability: AvailabilityEndpoints,
    store: ViewStore, workers: Int
  ) {
    self.desk = desk
    self.settings = settings
    self.availability = availability
    self.store = store
    waiting = (0..<workers).map { _ in WaitingHolds() }
  }

  /// Answers, or parks the request until something has come of it.
  func answer(
    _ route: HoldRoute, _ request: borrowing Request, _ asked: Asked, _ response: inout Response
  ) throws(Refused) -> Outcome {
    if let known = waiting[asked.worker][asked.id] {
      return try goOn(known, asked, &response)
    }
    let ticket = HoldTicket { asked.waker.wake() }
    let draft = try begin(route, request, asked, ticket)
    let known = WaitingHolds.Waiting(
      ticket: ticket, draft: draft, deadline: asked.now + asked.parameters.wait)
    if ticket.outcome == nil { waiting[asked.worker].add(asked.id, known, now: asked.now) }
    return try goOn(known, asked, &response)
  }

  private func goOn(
    _ known: WaitingHolds.Waiting, _ asked: Asked, _ response: inout Response
  ) throws(Refused) -> Outcome {
    if let outcome = known.ticket.outcome {
      waiting[asked.worker].remove(asked.id)
      if case .explained(let explanation) = outcome {
        response.addField("Onhand-Position", known.position)
        HoldAnswer.write(known.row, explanation, &response)
        return .respond
      }
      if case .pending(let id) = outcome, let draft = known.draft {
        HoldAnswer.writePending(id, draft, &response)
        return .respond
      }
      try HoldAnswer.write(outcome, store.gate.visible.position, &response)
      return .respond
    }
    switch asked.cause {
    case .arrived, .woken:
      guard asked.now < known.deadline else { break }
      return .park(until: known.deadline)
    case .deadlinePassed, .draining: break
    }
    waiting[asked.worker].remove(asked.id)
    guard let id = known.ticket.hold else {
      throw Refused(.databaseUnreachable, "it did not answer within \(asked.parameters.wait)")
    }
    guard !known.isLate, asked.cause != .draining else {
      throw Refused(
        .databaseUnreachable,
        "it is not known whether the hold was taken; ask again, with the same Idempotency-Key")
    }
    return try wait(for: id, known, asked, &response)
  }

  /// Waits until the hold's row says that it is not decided: its id may be told then.
  private func wait(
    for id: HoldID, _ known: WaitingHolds.Waiting, _ asked: Asked, _ response: inout Response
  ) throws(Refused) -> Outcome {
    desk.tellPending(id)
    var known = known
    known.isLate = true
    known.deadline = asked.now + HoldDesk.waitDefault
    waiting[asked.worker].add(asked.id, known, now: asked.now)
    return known.ticket.outcome == nil
      ? .park(until: known.deadline) : try goOn(known, asked, &response)
  }

  // MARK: Explaining

  /// Why a number of the availability view is what it is: the row, and the holds behind it.
  ///
  /// - Parameter place: separated by commas, what tells the places of the item apart.
  func explain(
    _ item: ByteView, at place: ByteView?, _ asked: Asked, _ response: inout Response
  ) throws(Refused) -> Outcome {
    if let known = waiting[asked.worker][asked.id] {
      return try goOn(known, asked, &response)
    }
    let ticket = HoldTicket { asked.waker.wake() }
    let (key, texts, row, position) = try row(item, at: place, asked)
    desk.explain(key, texts, ticket: ticket)
    let known = WaitingHolds.Waiting(
      ticket: ticket, draft: nil, row: row, position: position,
      deadline: asked.now + asked.parameters.wait)
    if ticket.outcome == nil { waiting[asked.worker].add(asked.id, known, now: asked.now) }
    return try goOn(known, asked, &response)
  }

  private func row(_ item: ByteView, at place: ByteView?, _ asked: Asked) throws(Refused) -> (
    HoldKey, [String], row: String, position: String
  ) {
    let visible = store.gate.enter(asked.worker)
    defer { store.gate.leave(asked.worker) }
    let read = Read(
      visible: visible, reader: .everybody, parameters: asked.parameters, scratch: asked.scratch)
    let reader = try availability.reader(read)
    var texts = [String(decoding: try asked.scratch.keyPart(item), as: UTF8.self)]
    if let place {
      texts += try asked.scratch.placeParts(place, reader).map {
        String(decoding: $0, as: UTF8.self)
      }
    }
    guard let key = asked.scratch.keys.holdKey(texts, reader) else {
      throw Refused(.badKey, "name \(reader.keyNames), each of its column's type")
    }
    guard let version = reader.row(of: key, at: visible.sequence) else {
      throw Refused(.unknownItem, "\(reader.view.name) has no row of this \(reader.keyNames)")
    }
    let units = reader.wholeUnits(version).map(String.init) ?? "null"
    return (
      key, texts,
      "{\"position\":\"\(read.positionText)\",\"available\":\(units),\"row\":"
        + String(decoding: version.json, as: UTF8.self), read.positionText
    )
  }

  // MARK: Asking

  /// - Returns: what is to be taken, if the request is for a hold.
  private func begin(
    _ route: HoldRoute, _ request: borrowing Request, _ asked: Asked, _ ticket: HoldTicket
  ) throws(Refused) -> HoldDraft? {
    switch route {
    case .collection where request.method == .post:
      try asked.parameters.refuseOthers()
      let (draft, available) = try draft(request, asked)
      desk.take(draft, available: available, ticket: ticket)
      return draft
    case .collection:
      try asked.parameters.refuseOthers(known: ["reference"])
      guard let reference = asked.parameters.others.first else {
        throw Refused(.badParameter, "give the reference of holds", parameter: "reference")
      }
      desk.find(reference: reference.value, caller: asked.owner, ticket: ticket)
    case .one(let name):
      try asked.parameters.refuseOthers()
      desk.find(try Self.id(name), caller: asked.owner, ticket: ticket)
    case .action(let name, let action):
      try asked.parameters.refuseOthers()
      let ttl = action == .extend ? try newTTL(request) : settings.ttl
      desk.change(action, try Self.id(name), caller: asked.owner, ttl: ttl, ticket: ticket)
    }
    return nil
  }

  private static func id(_ name: ByteView) throws(Refused) -> HoldID {
    guard let id = HoldID(name.string) else {
      throw Refused(.unknownHold, "a hold's id is a uuid")
    }
    return id
  }

  private func newTTL(_ request: borrowing Request) throws(Refused) -> Duration {
    guard !request.body.isEmpty else { return settings.ttl }
    return try HoldRequest.ttl(
      try request.json().root.members(known: ["ttl"])["ttl"], settings)
  }

  private func draft(_ request: borrowing Request, _ asked: Asked) throws(Refused) -> (
    HoldDraft, [Int64?]
  ) {
    let body = try request.json().root
    let key = try request.field("idempotency-key").map { field throws(Refused) in
      try Self.idempotencyKey(field)
    }
    let visible = store.gate.enter(asked.worker)
    defer { store.gate.leave(asked.worker) }
    guard visible.position != nil else {
      throw Refused(.notReady, "the first snapshot is not complete; see /readyz")
    }
    let read = Read(
      visible: visible, reader: .everybody, parameters: asked.parameters, scratch: asked.scratch)
    let reader = try availability.reader(read)
    let checked = try HoldRequest(body, settings, reader, read)
    var random = SystemRandomNumberGenerator()
    let draft = HoldDraft(
      id: HoldID(from: &random), caller: asked.owner, reference: checked.reference,
      idempotencyKey: key, digest: key == nil ? "" : Self.digest(body), ttl: checked.ttl,
      allowsPartial: checked.allowsPartial, metadata: checked.metadata, lines: checked.lines)
    return (draft, checked.available)
  }

  /// Of the body without its blanks.
  private static func digest(_ body: JSONValue) -> String {
    var text: [UInt8] = []
    body.write(to: &text)
    return HexText.encode(Digest.sha256(text).prefix(16))
  }

  private static func idempotencyKey(_ field: ByteView) throws(Refused) -> String {
    guard !field.isEmpty, field.count <= HoldRequest.textBytesMax,
      field.bytes.allSatisfy({ (0x20...0x7E).contains($0) })
    else {
      throw Refused(
        .badParameter,
        "must be 1 to \(HoldRequest.textBytesMax) printable ASCII characters",
        parameter: "Idempotency-Key")
    }
    return field.string
  }
}

/// What a path below `/v1/holds` asks for.
enum HoldRoute {
  case collection
  case one(ByteView)
  case action(ByteView, HoldAction)
}
