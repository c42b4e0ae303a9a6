/// Why bytes are no request that is served.
///
/// After one, nothing that follows on the connection can be trusted to start a request: it is
/// answered and the connection closed. The raw value is the stable code a client is told.
package enum RequestRefusal: String, Error, Sendable, CaseIterable {
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
}
