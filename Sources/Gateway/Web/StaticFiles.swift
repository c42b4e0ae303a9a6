import HTTPWire

/// The board, or the site that is served in its place, and the contract.
struct StaticFiles: Sendable {
  private let web: WebFolder?
  private let contract: WebFolder?

  /// - Parameters:
  ///   - web: the folder served at `/`; nil for none.
  ///   - contract: the folder with `openapi.yaml`; nil for none.
  init(web: String?, contract: String?) {
    self.web = web.flatMap(WebFolder.init)
    self.contract = contract.flatMap(WebFolder.init)
  }

  /// Fills in the file at the request's path; false if there is none.
  func answer(
    _ request: borrowing Request, _ response: inout Response
  ) throws(Refused) -> Bool {
    let folder = request.path == "/openapi.yaml" ? contract ?? web : web
    switch folder?.read(request.path, into: &response.body) ?? .nothing {
    case .nothing: return false
    case .folder: redirect(request, &response)
    case .tooLarge:
      response.body.removeAll()
      throw Refused(.notFound, "the file can't be read, or has more than 16 MiB")
    case .file(let type):
      response.mediaType = type
      try answerFile(request, &response)
    }
    return true
  }

  /// Links in a page are relative to its folder, which its address has to end with.
  private func redirect(_ request: borrowing Request, _ response: inout Response) {
    response.status = .movedPermanently
    let (path, query) = (request.path, request.query)
    response.addField("Location") { field in
      field.append(path)
      field.append("/")
      guard !query.isEmpty else { return }
      field.append("?")
      field.append(query)
    }
  }

  private func answerFile(
    _ request: borrowing Request, _ response: inout Response
  ) throws(Refused) {
    var tag = ByteBuffer()
    tag.append(EntityTag(of: response.body.view))
    let byteCount = response.body.count
    let range = RangeRequest(request, byteCount: byteCount, tag: tag.view)
    let isCurrent = request.ifNoneMatch(names: tag.view)
    if range == .unsatisfiable, !isCurrent {
      response.addField("Content-Range") {
        $0.append("bytes */")
        $0.append(decimal: byteCount)
      }
      throw Refused(.rangeNotSatisfiable, "the file has \(byteCount) bytes")
    }
    response.addField("ETag") { $0.append(tag.view) }
    response.addField("Accept-Ranges", "bytes")
    // A copy may be kept, and is asked about before each use.
    response.addField("Cache-Control", "no-cache")
    response.addField("X-Content-Type-Options", "nosniff")
    if isCurrent {
      response.status = .notModified
    } else if case .part(let part) = range {
      response.status = .partialContent
      response.addField("Content-Range") {
        $0.append("bytes ")
        $0.append(decimal: part.lowerBound)
        $0.append("-")
        $0.append(decimal: part.upperBound - 1)
        $0.append("/")
        $0.append(decimal: byteCount)
      }
      response.body.keep(part)
    }
  }
}
