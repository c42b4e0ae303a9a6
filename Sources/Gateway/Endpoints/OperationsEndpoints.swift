import Capture
import Durability
import Engine
import HTTPWire
import Holds
import Runtime
import Server
import Webhooks

/// `/healthz`, `/readyz` and `/metrics`.
struct OperationsEndpoints: Sendable {
  let store: ViewStore
  let status: CaptureStatus
  let push: PushCounters
  let availability: AvailabilityWatch
  let desk: HoldDesk?
  let sampler: DriftSampler
  let changeLog: LogStatus?
  let webhooks: WebhookStatus
  let accessLog: AccessLog?
  let clock: Clock
  let requests: Counter

  /// Fills in the answer; false if the path is none of these.
  func answer(_ path: ByteView, _ response: inout Response) -> Bool {
    if path == "/healthz" {
      response.body.append("{\"status\":\"ok\"}")
    } else if path == "/readyz" {
      readiness(&response)
    } else if path == "/metrics" {
      metrics(&response)
    } else {
      return false
    }
    return true
  }

  /// Ready once every view is complete; it stays so on a lost connection, while old rows are served.
  private func readiness(_ response: inout Response) {
    let visible = store.gate.visible
    let progress = status.current
    if visible.position == nil {
      response.status = .serviceUnavailable
      response.addField("Retry-After", "1")
    }
    response.body.append(
      visible.position == nil ? "{\"status\":\"starting\"" : "{\"status\":\"ready\"")
    response.body.append(",\"capture\":\"")
    response.body.append(progress.state.name)
    response.body.append("\"")
    if let detail = progress.state.detail {
      response.body.append(",\"detail\":")
      response.body.append(jsonString: detail)
    }
    if case .bootstrapping = progress.state {
      response.body.append(",\"snapshot_rows\":")
      response.body.append(decimal: progress.snapshotRows)
    }
    if let position = visible.position {
      response.body.append(",\"position\":\"")
      response.body.append(position.description)
      response.body.append("\"")
    }
    if let since = visible.staleSince {
      response.body.append(",\"stale_seconds\":")
      response.body.append(decimal: (clock.monotonic - since) / 1_000_000_000)
    }
    writeProblems(&response.body)
    response.body.append("}")
  }

  /// What is amiss and keeps nobody from being served.
  private func writeProblems(_ body: inout ByteBuffer) {
    var problems: [(code: String, detail: String)] = []
    if let problem = availability.problem {
      problems.append(("availability_not_configured", problem))
    }
    if let state = changeLog?.current.state, let detail = state.detail {
      problems.append(("log_\(state.name)", detail))
    }
    if let slot = status.current.slot, slot.isInDanger {
      problems.append(
        (
          "slot_in_danger",
          "the server keeps \(slot.retainedBytes) bytes of its log for the slot, and is about to let go of them"
        ))
    }
    guard !problems.isEmpty else { return }
    body.append(",\"problems\":[")
    for (index, problem) in problems.enumerated() {
      body.append(index == 0 ? "{\"code\":" : ",{\"code\":")
      body.append(jsonString: problem.code)
      body.append(",\"detail\":")
      body.append(jsonString: problem.detail)
      body.append("}")
    }
    body.append("]")
  }

  /// The text format of Prometheus 0.0.4.
  private func metrics(_ response: inout Response) {
    response.mediaType = MediaType("text/plain; version=0.0.4; charset=utf-8")
    let visible = store.gate.visible
    let progress = status.current
    var writer = MetricsWriter()
    writer.counter("onhand_http_requests_total", "Requests received", requests.value)
    writer.gauge("onhand_push_sessions", "Sockets and event streams open", push.sessions.value)
    writer.gauge("onhand_push_polls", "Long polls that wait for a change", push.polls.value)
    writer.gauge("onhand_push_subscriptions", "Subscriptions", push.subscriptions.value)
    writer.counter("onhand_push_frames_total", "Frames told to subscriptions", push.frames.value)
    writer.counter(
      "onhand_push_resyncs_total", "Subscriptions begun anew, as changes were not kept",
      push.resyncs.value)
    if let accessLog {
      writer.counter(
        "onhand_access_log_dropped_total", "Lines of the access log that could not be written",
        accessLog.dropped.value)
    }
    if let changeLog { writer.log(changeLog) }
    writer.counter(
      "onhand_transactions_total", "Source transactions applied", status.transactions.value)
    writer.counter("onhand_source_rows_total", "Row changes applied", status.rows.value)
    writer.counter("onhand_steps_total", "Steps published", status.steps.value)
    writer.counter("onhand_bootstraps_total", "Snapshots taken", status.bootstraps.value)
    writer.counter(
      "onhand_resumptions_total", "Times that the log was followed from a checkpoint",
      status.resumptions.value)
    if let kept = progress.kept { writer.slot(kept, progress.slot) }
    writer.failures(progress.failures)
    writer.gauge("onhand_ready", "1 once every view is complete", visible.position == nil ? 0 : 1)
    writer.gauge(
      "onhand_position_bytes", "The position's LSN", Int(clamping: visible.position?.lsn.value ?? 0)
    )
    writer.gauge(
      "onhand_stale_seconds", "Time since the log was last followed",
      visible.staleSince.map { Int((clock.monotonic - $0) / 1_000_000_000) } ?? 0)
    writer.gauge(
      "onhand_capture_state", "1 for the state that capture is in", 1,
      label: ("state", progress.state.name))
    if let desk { writer.holds(desk) }
    writer.counter(
      "onhand_verify_keys_total", "Rows compared with the database", sampler.keys.value)
    writer.counter(
      "onhand_verify_differences_total", "Rows that differed from the database; has to stay 0",
      sampler.differences.value)
    writer.webhooks(webhooks)
    writer.views(visible.views.views.map { ($0, $0.status(at: visible.sequence)) })
    response.body.append(writer.text)
  }
}

/// Writes metrics, each with its help and type.
struct MetricsWriter {
  private(set) var text = ""

  mutating func counter(_ name: String, _ help: String, _ value: Int) {
    head(name, help, "counter")
    text += "\(name) \(value)\n"
  }

  mutating func gauge(
    _ name: String, _ help: String, _ value: Int, label: (name: String, value: String)? = nil
  ) {
    head(name, help, "gauge")
    text += name
    if let label { text += "{\(label.name)=\"\(label.value)\"}" }
    text += " \(value)\n"
  }

  mutating func line(_ name: String, _ value: Int) { text += "\(name) \(value)\n" }

  mutating func log(_ log: LogStatus) {
    let progress = log.current
    gauge(
      "onhand_log_state", "1 for the state that the change log is in", 1,
      label: ("state", progress.state.name))
    gauge("onhand_log_bytes", "Bytes of the change log's files", progress.byteCount)
    gauge("onhand_log_segments", "Files of the change log", progress.segmentCount)
    gauge(
      "onhand_log_durable_position_bytes", "The LSN up to which changes are kept",
      Int(clamping: progress.durable?.lsn.value ?? 0))
    counter("onhand_log_syncs_total", "Times that the change log was synced", log.syncs.value)
    counter("onhand_log_failures_total", "Times that writing began to fail", log.failures.value)
    counter(
      "onhand_log_lost_steps_total", "Steps that are not in the change log", log.lostSteps.value)
    counter("onhand_checkpoints_total", "Checkpoints written", log.checkpoints.value)
    counter(
      "onhand_checkpoint_failures_total", "Checkpoints that could not be written",
      log.checkpointFailures.value)
    gauge("onhand_checkpoint_bytes", "Bytes of the last checkpoint", progress.checkpointBytes)
    gauge(
      "onhand_checkpoint_position_bytes", "The LSN of the last checkpoint",
      Int(clamping: progress.checkpointPosition?.lsn.value ?? 0))
    gauge(
      "onhand_checkpoint_pause_microseconds",
      "How long the stream stood still for the last checkpoint",
      log.lastPause.value)
    gauge(
      "onhand_checkpoint_pause_max_microseconds", "How long it stood still for any, at most",
      log.longestPause.value)
  }

  mutating func slot(_ kept: LSN, _ report: SlotReport?) {
    gauge(
      "onhand_slot_kept_position_bytes", "The LSN up to which the slot may let go of the log",
      Int(clamping: kept.value))
    guard let report else { return }
    gauge(
      "onhand_slot_retained_bytes", "Bytes of its log that the server keeps for the slot",
      report.retainedBytes)
    gauge("onhand_slot_in_danger", "1 if the slot is about to be lost", report.isInDanger ? 1 : 0)
    if let safe = report.safeBytes {
      gauge(
        "onhand_slot_safe_bytes", "Bytes of log that may come before the slot is lost", safe)
    }
  }

  mutating func failures(_ counts: [CaptureFailure: Int]) {
    head("onhand_capture_failures_total", "Times that the log could not be followed", "counter")
    for failure in CaptureFailure.allCases {
      text += "onhand_capture_failures_total{state=\"\(failure.rawValue)\"} "
      text += "\(counts[failure] ?? 0)\n"
    }
  }

  mutating func webhooks(_ status: WebhookStatus) {
    let now = status.current
    gauge("onhand_webhook_duty", "1 on the instance that delivers", now.hasDuty ? 1 : 0)
    gauge("onhand_webhook_endpoints", "Receivers", now.endpoints)
    gauge("onhand_webhook_owed_changes", "Changes taken in and not delivered", now.owed)
    gauge("onhand_webhook_requests_under_way", "Deliveries under way", now.underWay)
    gauge(
      "onhand_webhook_window_start_bytes", "LSN behind which changes are kept; 0 if not known",
      Int(clamping: now.windowStart))
    counter(
      "onhand_webhook_deliveries_total", "Requests that receivers accepted",
      status.delivered.value)
    counter("onhand_webhook_failures_total", "Requests that failed", status.failed.value)
    counter("onhand_webhook_parked_total", "Deliveries given up", status.parked.value)
  }

  mutating func views(_ views: [(LiveView, ViewStatus)]) {
    head("onhand_view_rows", "Rows of a view", "gauge")
    for (view, status) in views {
      text += "onhand_view_rows{\(label(view))} \(status.rowCount)\n"
    }
    head("onhand_view_failed_rows", "Rows for which an expression fails", "gauge")
    for (view, status) in views {
      text += "onhand_view_failed_rows{\(label(view))} \(status.faultyCount)\n"
    }
    head("onhand_view_degraded", "1 if keys of the view are shared", "gauge")
    for (view, status) in views {
      text += "onhand_view_degraded{\(label(view))} \(status.degradation == nil ? 0 : 1)\n"
    }
  }

  private func label(_ view: LiveView) -> String {
    let escaped = view.name.description.flatMap { character -> [Character] in
      switch character {
      case "\\": ["\\", "\\"]
      case "\"": ["\\", "\""]
      case "\n": ["\\", "n"]
      default: [character]
      }
    }
    return "view=\"\(String(escaped))\""
  }

  mutating func head(_ name: String, _ help: String, _ type: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }
}
