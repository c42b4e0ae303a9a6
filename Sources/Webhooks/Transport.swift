import CCurl
import CLinux
import Dispatch
import Engine
import Glibc

/// Makes requests with libcurl's multi interface, on one queue and without blocking it.
///
/// libcurl's sockets are in an epoll set of ours, on whose descriptor one Dispatch source listens: libcurl closes sockets
/// whenever it likes, which a source of their own would not survive. Connections are kept and used again.
final class Transport {
  private let queue: DispatchQueue
  private let guardian: AddressGuard
  private let certificates: String?
  private let multi: UnsafeMutableRawPointer
  private let poll: Int32
  private let source: any DispatchSourceRead
  private let timer: any DispatchSourceTimer
  private var active: [UnsafeMutableRawPointer: Transfer] = [:]
  private var idle: [Transfer] = []
  private var watched: Set<Int32> = []
  /// libcurl asked to be called at once.
  private var isAlarmDue = false
  private var isDriving = false

  /// Requests at once, of all receivers.
  static let transfersMax = 512
  private static let idleHandlesMax = 128
  private static let connectionsKeptMax = 256
  private static let reportsMax = 256
  /// Times that the sockets are asked again before the queue's other work has its turn.
  private static let roundsMax = 8

  init?(queue: DispatchQueue, guardian: AddressGuard, certificates: String?) {
    guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, let multi = curl_multi_init()
    else { return nil }
    self.queue = queue
    self.guardian = guardian
    self.certificates = certificates
    self.multi = multi
    let poll = clinux_epoll_create()
    self.poll = poll
    source = DispatchSource.makeReadSource(fileDescriptor: poll, queue: queue)
    source.setCancelHandler { close(poll) }
    timer = DispatchSource.makeTimerSource(queue: queue)
    timer.schedule(deadline: .distantFuture)
    _ = ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.connectionsKeptMax)
    let context = Unmanaged.passUnretained(self).toOpaque()
    _ = ccurl_multi_set_watch(
      multi,
      { _, socket, what, context, _ in
        Transport.of(context)?.watch(socket, what)
        return 0
      }, context)
    _ = ccurl_multi_set_alarm(
      multi,
      { _, milliseconds, context in
        Transport.of(context)?.setAlarm(milliseconds)
        return 0
      }, context)
  }

  deinit {
    for transfer in active.values { curl_multi_remove_handle(multi, transfer.easy) }
    active.removeAll()
    curl_multi_cleanup(multi)
    source.cancel()
    timer.cancel()
  }

  /// Begins to listen; `handle` is called on the queue and must call ``handleEvents()`` or ``handleAlarm()``.
  func start(events: @escaping @Sendable () -> Void, alarm: @escaping @Sendable () -> Void) {
    source.setEventHandler(handler: DispatchWorkItem(block: events))
    timer.setEventHandler(handler: DispatchWorkItem(block: alarm))
    source.activate()
    timer.activate()
  }

  private static func of(_ context: UnsafeMutableRawPointer?) -> Transport? {
    context.map { Unmanaged<Transport>.fromOpaque($0).takeUnretainedValue() }
  }

  var count: Int { active.count }
  var hasRoom: Bool { active.count < Self.transfersMax }

  /// Makes a request; `completion` is called later, on the queue.
  ///
  /// What is sent goes out with the next ``drive()``.
  func send(_ request: OutgoingRequest, _ completion: @escaping (ReceiverAnswer) -> Void) {
    guard let transfer = idle.popLast() ?? Transfer(guardian, certificates: certificates) else {
      var answer = ReceiverAnswer()
      answer.failure = .transfer
      return completion(answer)
    }
    transfer.prepare(request)
    transfer.completion = completion
    active[transfer.easy] = transfer
    curl_multi_add_handle(multi, transfer.easy)
  }

  /// Ends every request at once; the completions are told `cancelled`.
  func cancelAll() {
    let transfers = Array(active.values)
    active.removeAll()
    for transfer in transfers {
      var answer = transfer.answer(CURLE_ABORTED_BY_CALLBACK)
      answer.failure = .cancelled
      answer.status = nil
      curl_multi_remove_handle(multi, transfer.easy)
      transfer.completion?(answer)
    }
  }

  // MARK: Events

  /// Lets libcurl go on with what it asked to be called for at once, and reports what is done.
  func drive() {
    guard !isDriving else { return }
    isDriving = true
    defer { isDriving = false }
    repeat {
      while isAlarmDue {
        isAlarmDue = false
        act(CURL_SOCKET_TIMEOUT, 0)
      }
      reportDone()
    } while isAlarmDue
  }

  func handleAlarm() {
    isAlarmDue = true
    drive()
  }

  func handleEvents() {
    withUnsafeTemporaryAllocation(of: clinux_event.self, capacity: Self.reportsMax) { reports in
      for _ in 0..<Self.roundsMax {
        let ready = clinux_epoll_wait(poll, reports.baseAddress, Int32(reports.count), 0)
        guard ready > 0 else { return }
        for index in 0..<Int(ready) { handle(reports[index]) }
        drive()
      }
    }
  }

  private func handle(_ report: clinux_event) {
    let socket = Int32(truncatingIfNeeded: report.token)
    // Closed by what an earlier report of the same round led to.
    guard watched.contains(socket) else { return }
    var what: Int32 = 0
    func has(_ bit: Int) -> Bool { report.ready & UInt32(bit) != 0 }
    if has(CLINUX_READABLE) || has(CLINUX_HANGUP) { what |= CURL_CSELECT_IN }
    if has(CLINUX_WRITABLE) { what |= CURL_CSELECT_OUT }
    if has(CLINUX_FAILED) { what |= CURL_CSELECT_ERR }
    act(socket, what)
  }

  private func act(_ socket: curl_socket_t, _ what: Int32) {
    var running: Int32 = 0
    curl_multi_socket_action(multi, socket, what, &running)
  }

  private func reportDone() {
    var left: Int32 = 0
    var done: [(Transfer, CURLcode)] = []
    while let message = curl_multi_info_read(multi, &left) {
      var code = CURLE_OK
      guard let easy = ccurl_done(message, &code), let transfer = active[easy] else { continue }
      done.append((transfer, code))
    }
    for (transfer, code) in done where active.removeValue(forKey: transfer.easy) != nil {
      let answer = transfer.answer(code)
      curl_multi_remove_handle(multi, transfer.easy)
      let completion = transfer.completion
      transfer.completion = nil
      if idle.count < Self.idleHandlesMax { idle.append(transfer) }
      completion?(answer)
    }
  }

  // MARK: What libcurl asks for

  private func watch(_ socket: curl_socket_t, _ what: Int32) {
    if what == CURL_POLL_REMOVE {
      watched.remove(socket)
      _ = clinux_epoll_remove(poll, socket)
      return
    }
    var interest: UInt32 = 0
    if what == CURL_POLL_IN || what == CURL_POLL_INOUT { interest |= UInt32(CLINUX_READABLE) }
    if what == CURL_POLL_OUT || what == CURL_POLL_INOUT { interest |= UInt32(CLINUX_WRITABLE) }
    let token = UInt64(UInt32(bitPattern: socket))
    if watched.insert(socket).inserted {
      _ = clinux_epoll_add(poll, socket, interest, token)
    } else {
      _ = clinux_epoll_modify(poll, socket, interest, token)
    }
  }

  /// - Parameter milliseconds: from now; below 0 for never.
  private func setAlarm(_ milliseconds: Int) {
    isAlarmDue = milliseconds == 0
    timer.schedule(
      deadline: milliseconds > 0 ? .now() + .milliseconds(milliseconds) : .distantFuture,
      leeway: .milliseconds(1))
  }
}
