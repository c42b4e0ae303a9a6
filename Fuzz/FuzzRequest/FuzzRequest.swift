import FuzzSupport
import HTTPCorpus
import HTTPWire

// Whatever bytes come, they are read without a fault, and come to the same however they are cut.

/// Small, so that the fuzzer reaches them.
private let limits = RequestLimits(
  requestLineBytesMax: 256, headBytesMax: 768, fieldCountMax: 12, bodyBytesMax: 512,
  chunkLineBytesMax: 32)

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutableRawPointer?
) -> CInt {
  Seeds.writeIfAsked(GoodRequest.all.map { Array($0.text.utf8) } + HostileRequest.all.map(\.bytes))
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let whole = feed(bytes, limits: limits)
  // Where to cut follows from the bytes, so that a finding can be repeated.
  let cut = bytes.reduce(5_381) { $0 &* 33 &+ Int($1) } & .max
  let cuts = [cut % (count + 1), (cut / 1_021) % (count + 1)].sorted()
  precondition(feed(bytes, cuts: cuts, limits: limits) == whole, "cut at \(cuts)")
  if count < 256 {
    precondition(feedSingly(bytes, limits: limits) == whole, "byte by byte")
  }
  for request in whole.requests {
    precondition(request.body.count <= limits.bodyBytesMax)
    precondition(request.fields.count <= limits.fieldCountMax)
  }
  negotiate(bytes)
  return 0
}

/// Shows the first request to everything that reads its parts.
private func negotiate(_ bytes: [UInt8]) {
  var decoder = RequestDecoder()
  var fields = FieldTable(capacity: limits.fieldCountMax)
  // An allocation of its own: the address sanitizer sees a read behind its end.
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { memory.deallocate() }
  memory.copyBytes(from: bytes)
  guard case .complete(let frame) = decoder.decode(memory, limits, &fields) else { return }
  let request = Request(frame, UnsafeRawBufferPointer(memory), fields)
  _ = AcceptedCodings(request).preferGzip
  _ = request.ifNoneMatch(names: request.path)
  for node in request.forwardedNodes { _ = node.withoutPort.string }
  if case .part(let part) = RangeRequest(request, byteCount: 1_000, tag: request.query) {
    precondition(!part.isEmpty && part.lowerBound >= 0 && part.upperBound <= 1_000)
  }
  for segment in PathSegments(request.path) { _ = segment.percentDecoded(.path) }
  for (name, value) in QueryFields(request.query) {
    _ = name.percentDecoded(.query)
    _ = value.percentDecoded(.query)
  }
}
