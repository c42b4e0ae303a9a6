import Engine
import Logging
import Runtime

/// Goes on from what was kept, without a snapshot, where that leads to exactly what a snapshot would.
///
/// | found | rule |
/// |---|---|
/// | what is kept is of another database, timeline or course of its log, or ahead of its end | `checkpoint_of_other_history` |
/// | the views' rows could not be restored beside it | `views_not_restored` |
/// | what went on since failed in another way than by a lost connection | `checkpoint_failed_before` |
/// | there is no slot | `slot_missing` |
/// | the server has removed log that the slot was to keep | `slot_lost` |
/// | the slot has been read further than what is kept | `checkpoint_behind_slot` |
/// | the catalogs are not what they were: a table, view, publication or identity | `catalog_changed` |
/// | the plan is another: views were added or removed, keys configured | `views_changed` |
/// | the connection was lost while holds were in flight | `holds_in_flight` |
///
/// In each of these cases a snapshot is taken, and what is different from what was published last is published.
struct Resumption {
  let bootstrap: Bootstrap
  let checkpoints: any CheckpointStore

  private struct Rule: Error {
    let name: Logger.Message
    let reason: String
  }

  /// - Parameters:
  ///   - epoch: what positions belong to now.
  ///   - end: of the server's log.
  /// - Returns: nil where a snapshot is needed; the log names the rule.
  func run(_ replication: PostgresConnection, _ epoch: Epoch, end: LSN) throws -> Bootstrap.Result?
  {
    guard let kept = checkpoints.kept() else { return nil }
    do {
      return try resume(kept, replication, epoch, end)
    } catch let rule as Rule {
      bootstrap.logger.notice(rule.name, metadata: ["reason": "\(rule.reason)"])
      return nil
    }
  }

  private func resume(
    _ kept: KeptState, _ replication: PostgresConnection, _ epoch: Epoch, _ end: LSN
  ) throws -> Bootstrap.Result {
    // A server whose log ends before what is kept has a new one, see `DatabaseHistory`.
    guard kept.position.epoch == epoch else {
      throw Rule(
        name: "checkpoint_of_other_history",
        reason: "\(kept.position) is not of epoch \(epoch), whose log ends at \(end)")
    }
    let reader = try bootstrap.connect(.ordinary)
    try checkSlot(kept, reader)
    try reader.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try bootstrap.readGeometry(reader)
    let views = try bootstrap.compile(reader)
    guard try views.reliance(views.rewrites(reader)) == kept.reliance else {
      throw Rule(
        name: "catalog_changed", reason: "what the views rely on is not what it was")
    }
    try reader.execute("COMMIT")
    let dataflow = Dataflow(
      plan: views.plan, refused: views.refusals.mapValues(\.description), store: bootstrap.store)
    let seen = try checkViews(views.plan, epoch)
    let started = ContinuousClock.now
    try restore(kept, dataflow)
    let restoring = (ContinuousClock.now - started).milliseconds
    try bootstrap.startReplication(
      replication, slot: bootstrap.configuration.slot, at: kept.position.lsn, views.publications)
    bootstrap.status.set(.catchingUp)
    bootstrap.status.resumptions.add()
    bootstrap.logger.info(
      "resuming",
      metadata: [
        "checkpoint": "\(kept.position)", "seen": "\(seen)", "restored_ms": "\(restoring)",
      ])
    return Bootstrap.Result(
      stream: LogStream(replication), views: views, reliance: kept.reliance, dataflow: dataflow,
      position: kept.position, seenUpTo: max(seen, kept.position.lsn),
      slot: bootstrap.configuration.slot)
  }

  private func checkSlot(_ kept: KeptState, _ reader: PostgresConnection) throws {
    let name = bootstrap.configuration.slot
    guard let slot = try SlotReport(name, reader) else {
      throw Rule(name: "slot_missing", reason: "there is no slot \(name)")
    }
    guard slot.isOurs else { throw Bootstrap.refusal(ofSlot: name) }
    guard slot.status != "lost", let confirmed = slot.confirmed else {
      throw Rule(name: "slot_lost", reason: "the server has removed log that it was to keep")
    }
    guard confirmed <= kept.position.lsn else {
      throw Rule(
        name: "checkpoint_behind_slot",
        reason: "it is at \(kept.position.lsn), the slot at \(confirmed)")
    }
  }

  /// - Returns: how far readers are.
  private func checkViews(_ plan: Plan, _ epoch: Epoch) throws -> LSN {
    let visible = bootstrap.store.gate.visible
    guard let position = visible.position, position.epoch == epoch else {
      throw Rule(name: "views_not_restored", reason: "no rows of this history are served")
    }
    let served = Set(visible.views.views.map(LoggedView.init))
    let missing = plan.views.filter {
      !served.contains(LoggedView(name: $0.name, generation: Generation(of: $0)))
    }
    guard missing.isEmpty else {
      let names = missing.map(\.name.description).joined(separator: ", ")
      throw Rule(name: "views_not_restored", reason: "no rows are served of \(names)")
    }
    return position.lsn
  }

  private func restore(_ kept: KeptState, _ dataflow: Dataflow) throws {
    let witness = bootstrap.store.holdWitness
    do {
      let holds = try checkpoints.restore(kept, into: dataflow)
      guard let witness else { return }
      guard let holds else {
        throw Rule(name: "views_changed", reason: "holds were not taken before")
      }
      witness.restore(holds)
    } catch StateFault.otherFingerprint {
      throw Rule(name: "views_changed", reason: "the plan is another")
    } catch let fault as StateFault {
      throw Rule(name: "checkpoint_damaged", reason: "\(fault)")
    } catch let damage as LogDamage {
      throw Rule(name: "checkpoint_damaged", reason: "\(damage)")
    }
  }
}
