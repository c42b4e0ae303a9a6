/// Why bytes are no request that is served.
///
/// After one, nothing that follows on the connection can be trusted to start a request: it is
/// answered and the connection closed. The raw value is the stable code a client is told.
package enum RequestRefusal: String, Error, Sendable, CaseIterable, ProblemCode {
  case requestLineInvalid = "request_line_invalid"
  case requestTargetInvalid = "request_target_invalid"
  case requestTargetTooLong = "request_target_too_long"
  case versionUnsupported = "version_unsupported"
  case methodUnknown = "method_unknown"
  case lineEndInvalid = "line_end_invalid"
  case fieldNameInvalid = "field_name_invalid"
  case fieldValueInvalid = "field_value_invalid"
  case fieldFolded = "field_folded"
  case headTooLarge = "head_too_large"
  case fieldsTooMany = "fields_too_many"
  case hostMissing = "host_missing"
  case hostRepeated = "host_repeated"
  case hostInvalid = "host_invalid"
  case hostContradictsTarget = "host_contradicts_target"
  case contentLengthInvalid = "content_length_invalid"
  case contentLengthRepeated = "content_length_repeated"
  case transferCodingUnknown = "transfer_coding_unknown"
  case transferCodingRepeated = "transfer_coding_repeated"
  case transferCodingInHTTP10 = "transfer_coding_in_http_1_0"
  case bodyLengthAmbiguous = "body_length_ambiguous"
  case bodyTooLarge = "body_too_large"
  case chunkSizeInvalid = "chunk_size_invalid"
  case chunkEndInvalid = "chunk_end_invalid"
  case chunkLineTooLong = "chunk_line_too_long"
  case expectationUnknown = "expectation_unknown"

  package var status: Status {
    switch self {
    case .bodyTooLarge: .contentTooLarge
    case .requestTargetTooLong: .uriTooLong
    case .expectationUnknown: .expectationFailed
    case .headTooLarge, .fieldsTooMany: .requestHeaderFieldsTooLarge
    case .methodUnknown, .transferCodingUnknown: .notImplemented
    case .versionUnsupported: .versionNotSupported
    case .requestLineInvalid, .requestTargetInvalid, .lineEndInvalid, .fieldNameInvalid,
      .fieldValueInvalid, .fieldFolded, .hostMissing, .hostRepeated, .hostInvalid,
      .hostContradictsTarget, .contentLengthInvalid, .contentLengthRepeated,
      .transferCodingRepeated, .transferCodingInHTTP10, .bodyLengthAmbiguous,
      .chunkSizeInvalid, .chunkEndInvalid, .chunkLineTooLong:
      .badRequest
    }
  }

  package var detail: StaticString {
    switch self {
    case .requestLineInvalid: "The request line is not METHOD SP TARGET SP HTTP/1.1"
    case .requestTargetInvalid: "The target has none of the forms served, or a byte it can't have"
    case .requestTargetTooLong: "The request line has more bytes than are read"
    case .versionUnsupported: "HTTP/1.1 and HTTP/1.0 are spoken"
    case .methodUnknown: "No resource has this method"
    case .lineEndInvalid: "A line ends with CR LF, and neither stands elsewhere"
    case .fieldNameInvalid: "A field is a name, a colon right behind it, and a value"
    case .fieldValueInvalid: "A field value has a control byte"
    case .fieldFolded: "A field has one line"
    case .headTooLarge: "Request line and fields, or trailers, have more bytes than are read"
    case .fieldsTooMany: "There are more fields than are read"
    case .hostMissing: "HTTP/1.1 requires Host"
    case .hostRepeated: "There is more than one Host"
    case .hostInvalid: "Host is a name or an address, with or without a port"
    case .hostContradictsTarget: "Host and the target name different hosts"
    case .contentLengthInvalid: "Content-Length is decimal digits"
    case .contentLengthRepeated: "There is more than one Content-Length"
    case .transferCodingUnknown: "The transfer coding understood is chunked, once and alone"
    case .transferCodingRepeated: "There is more than one Transfer-Encoding"
    case .transferCodingInHTTP10: "HTTP/1.0 has no Transfer-Encoding"
    case .bodyLengthAmbiguous: "There are both Transfer-Encoding and Content-Length"
    case .bodyTooLarge: "The body has more bytes than are read"
    case .chunkSizeInvalid: "A chunk's size is one to eight hexadecimal digits"
    case .chunkEndInvalid: "A chunk's data is as long as its size says, and ends with CR LF"
    case .chunkLineTooLong: "A chunk's extensions have more bytes than are read"
    case .expectationUnknown: "The expectation understood is 100-continue"
    }
  }
}
