import Addresses
import CCurl
import CLinux
import Engine
import Glibc

/// One libcurl handle, and the request that it makes at present.
///
/// Used on the queue of its ``Transport`` only; libcurl's callbacks run there, too.
final class Transfer {
  let easy: UnsafeMutableRawPointer
  private let guardian: AddressGuard
  private var body: [UInt8] = []
  private var headers: UnsafeMutablePointer<curl_slist>?
  private var excerpt: [UInt8] = []
  private var answerBytes = 0
  private var retryAfter: String?
  private var isAddressRefused = false
  var completion: ((ReceiverAnswer) -> Void)?

  /// Kept of an answer, and read of it.
  private static let excerptBytesMax = 512
  private static let answerBytesMax = 64 << 10
  private static let connectMilliseconds = 5_000

  init?(_ guardian: AddressGuard, certificates: String?) {
    guard let easy = curl_easy_init() else { return nil }
    self.easy = easy
    self.guardian = guardian
    setLasting(certificates)
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(headers)
  }

  // MARK: Options

  private func set(_ option: CURLoption, _ value: Int) { _ = ccurl_set_long(easy, option, value) }

  /// What is the same for every request.
  private func setLasting(_ certificates: String?) {
    set(CURLOPT_NOSIGNAL, 1)
    // A look-up that takes too long is left to itself; to wait for it would hold up the queue.
    set(CURLOPT_QUICK_EXIT, 1)
    _ = ccurl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_FOLLOWLOCATION, 0)
    // An empty proxy is none, whatever http_proxy says.
    _ = ccurl_set_text(easy, CURLOPT_PROXY, "")
    _ = ccurl_set_text(easy, CURLOPT_NOPROXY, "*")
    set(CURLOPT_SSL_VERIFYPEER, 1)
    set(CURLOPT_SSL_VERIFYHOST, 2)
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if let certificates { _ = ccurl_set_text(easy, CURLOPT_CAINFO, certificates) }
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    set(CURLOPT_HTTP09_ALLOWED, 0)
    set(CURLOPT_PATH_AS_IS, 1)
    set(CURLOPT_POST, 1)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_CONNECTTIMEOUT_MS, Self.connectMilliseconds)
    _ = ccurl_set_text(easy, CURLOPT_USERAGENT, "onhand")
    setCallbacks()
  }

  private func setCallbacks() {
    let context = Unmanaged.passUnretained(self).toOpaque()
    _ = ccurl_set_pointer(easy, CURLOPT_PRIVATE, context)
    _ = ccurl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, context)
    _ = ccurl_set_open_socket(easy) { context, _, address in
      Transfer.of(context)?.open(address) ?? CURL_SOCKET_BAD
    }
    _ = ccurl_set_pointer(easy, CURLOPT_PREREQDATA, context)
    _ = ccurl_set_before_request(easy) { context, remote, _, _, _ in
      Transfer.of(context)?.permits(remote) ?? false ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
    }
    _ = ccurl_set_pointer(easy, CURLOPT_WRITEDATA, context)
    _ = ccurl_set_receive(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      Transfer.of(context)?.receive(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
    }
    _ = ccurl_set_pointer(easy, CURLOPT_HEADERDATA, context)
    _ = ccurl_set_receive(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
      return Transfer.of(context)?.receive(header: line) ?? 0
    }
  }

  static func of(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Makes the handle ready for `request`.
  func prepare(_ request: OutgoingRequest) {
    excerpt.removeAll(keepingCapacity: true)
    answerBytes = 0
    retryAfter = nil
    isAddressRefused = false
    body = request.body
    _ = ccurl_set_text(easy, CURLOPT_URL, request.url.description)
    let old = headers
    headers = nil
    // Without the first, libcurl asks for leave to send a large body, and waits a second for it.
    for header in ["Expect:", "Content-Type: application/json"] + request.headers {
      headers = curl_slist_append(headers, header)
    }
    _ = ccurl_set_list(easy, CURLOPT_HTTPHEADER, headers)
    curl_slist_free_all(old)
    set(CURLOPT_TIMEOUT_MS, Int(request.timeout / .milliseconds(1)))
    set(CURLOPT_POSTFIELDSIZE, body.count)
    // Copied, since an array's bytes need not stay where they are.
    body.withUnsafeMutableBytes {
      _ = ccurl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, $0.baseAddress)
    }
  }

  // MARK: The guard

  /// Opens a socket to an address that may be sent to; libcurl asks for each that it tries.
  private func open(_ address: UnsafeMutablePointer<curl_sockaddr>?) -> curl_socket_t {
    guard let address, permits(address) else {
      isAddressRefused = true
      return CURL_SOCKET_BAD
    }
    return clinux_stream_socket(address.pointee.family)
  }

  private func permits(_ address: UnsafeMutablePointer<curl_sockaddr>) -> Bool {
    // sockaddr_in has its address at 4, sockaddr_in6 at 8.
    let length = Int(address.pointee.addrlen)
    return withUnsafePointer(to: &address.pointee.addr) { pointer in
      let bytes = UnsafeRawBufferPointer(start: pointer, count: length)
      switch address.pointee.family {
      case AF_INET where length >= 8:
        return IPAddress(bytes: .init(rebasing: bytes[4..<8])).map { guardian.permits($0) }
          ?? false
      case AF_INET6 where length >= 24:
        return IPAddress(bytes: .init(rebasing: bytes[8..<24]))
          .map { guardian.permits(ipv6: $0) } ?? false
      default: return false
      }
    }
  }

  /// Looks at the address once more, since a connection that is used again opened no socket.
  private func permits(_ remote: UnsafeMutablePointer<CChar>?) -> Bool {
    let text = remote.map { String(cString: $0) } ?? ""
    let address = IPAddress(text)
    let isPermitted =
      address.map { text.contains(":") ? guardian.permits(ipv6: $0) : guardian.permits($0) }
      ?? false
    if !isPermitted { isAddressRefused = true }
    return isPermitted
  }

  // MARK: The answer

  private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
    let room = max(0, Self.excerptBytesMax - excerpt.count)
    excerpt.append(contentsOf: bytes.prefix(room))
    answerBytes += bytes.count
    return answerBytes > Self.answerBytesMax ? 0 : bytes.count
  }

  private func receive(header: UnsafeRawBufferPointer) -> Int {
    answerBytes += header.count
    guard answerBytes <= Self.answerBytesMax else { return 0 }
    let name = "retry-after:"
    if header.count < 256, header.count > name.utf8.count,
      zip(header, name.utf8).allSatisfy({ $0 | 0x20 == $1 | 0x20 })
    {
      let value = header.dropFirst(name.utf8.count).filter { $0 >= 0x20 && $0 < 0x7F }
      retryAfter = String(decoding: value, as: UTF8.self)
    }
    return header.count
  }

  func answer(_ code: CURLcode) -> ReceiverAnswer {
    var answer = ReceiverAnswer()
    let status = long(CURLINFO_RESPONSE_CODE)
    // An answer that is longer than we read, or cut off, was given all the same.
    if status >= 200, code == CURLE_OK || code == CURLE_WRITE_ERROR || code == CURLE_PARTIAL_FILE {
      answer.status = status
    } else {
      answer.failure = failure(code)
      answer.curlCode = Int32(code.rawValue)
    }
    answer.wasSent = long(CURLINFO_REQUEST_SIZE) > 0
    answer.excerpt = excerpt
    answer.retryAfter = retryAfter
    answer.times = ReceiverAnswer.Times(
      resolved: time(CURLINFO_NAMELOOKUP_TIME_T), connected: time(CURLINFO_CONNECT_TIME_T),
      secured: time(CURLINFO_APPCONNECT_TIME_T), firstByte: time(CURLINFO_STARTTRANSFER_TIME_T),
      total: time(CURLINFO_TOTAL_TIME_T))
    return answer
  }

  private func failure(_ code: CURLcode) -> ReceiverAnswer.Failure {
    if isAddressRefused { return .addressRefused }
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST: return .resolve
    case CURLE_COULDNT_CONNECT: return .connect
    case CURLE_OPERATION_TIMEDOUT: return .timeout
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER:
      return .tls
    default: return .transfer
    }
  }

  private func long(_ info: CURLINFO) -> Int {
    var value = 0
    _ = ccurl_get_long(easy, info, &value)
    return value
  }

  private func time(_ info: CURLINFO) -> Int64 {
    var value: curl_off_t = 0
    _ = ccurl_get_offset(easy, info, &value)
    return Int64(value)
  }
}
