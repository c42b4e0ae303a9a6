import Engine

/// One attempt as people are shown it.
struct AttemptReport {
  let webhookID: String
  /// Failures before it.
  let failures: Int
  let state: String
  let answer: ReceiverAnswer
  /// Microseconds since 2000-01-01 UTC.
  let at: Int64

  /// `{"id","state","at","attempt","status","failure","times_us":{...},"answer"}`
  var json: String {
    var json: [UInt8] = []
    json += "{\"id\":\"\(webhookID)\",\"state\":\"\(state)\",\"at\":".utf8
    JSONText.write(timestamptz: at, to: &json)
    json += ",\"attempt\":\(failures + 1)".utf8
    json += ",\"status\":\(answer.status.map { String($0) } ?? "null")".utf8
    json += ",\"failure\":\(answer.failure.map { "\"\($0.rawValue)\"" } ?? "null")".utf8
    let times = answer.times
    json +=
      ",\"times_us\":{\"resolved\":\(times.resolved),\"connected\":\(times.connected),".utf8
    json +=
      "\"secured\":\(times.secured),\"first_byte\":\(times.firstByte),\"total\":\(times.total)}"
      .utf8
    json += ",\"answer\":".utf8
    // A NUL, which JSON could carry and Postgres can't store, says nothing to anybody.
    let excerpt = answer.excerpt.map { $0 == 0 ? 0x20 : $0 }
    JSONText.write(text: String(decoding: excerpt, as: UTF8.self), to: &json)
    json.append(UInt8(ascii: "}"))
    return String(decoding: json, as: UTF8.self)
  }
}
