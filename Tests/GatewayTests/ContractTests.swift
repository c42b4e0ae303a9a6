import Capture
import Engine
import Foundation
import HTTPWire
import Server
import Testing
import Yams

@testable import Gateway

/// The contract and the server say the same.
@Suite(.serialized)
struct ContractTests {
  private func serve(_ body: (HTTPClient, Contract) throws -> Void) async throws {
    let database = try TestCluster.database("")
    try DemoShop.install(on: PostgresConnection(database.conninfo))
    var configuration = try database.prepared(DemoShop.views)
    configuration.availability = DemoShop.availability
    let folder = KeptFolder(database)
    defer { withExtendedLifetime(folder) {} }
    configuration.dataDirectory = folder.path
    configuration.slot = folder.slot
    try await TestService.run(configuration) { service in
      try wait("the log") { try service.metric("onhand_log_durable_position_bytes") > 0 }
      try body(service.client, try Contract())
    }
  }

  @Test func everyCodeIsInTheContractAndTheOtherWayRound() throws {
    let codes =
      Problem.allCases.map(\.rawValue) + RequestRefusal.allCases.map(\.rawValue)
      + ServerRefusal.allCases.map(\.rawValue) + HandshakeRefusal.allCases.map(\.rawValue)
    let documented = try Contract().problemCodes
    #expect(Set(codes).symmetricDifference(documented) == [])
  }

  /// Adding a route without a path in the contract does not compile.
  private func template(_ route: Route) -> String {
    switch route {
    case .read(.views): "/v1/views"
    case .read(.view): "/v1/views/{view}"
    case .read(.rows): "/v1/views/{view}/rows"
    case .read(.row): "/v1/views/{view}/rows/{key}"
    case .read(.history): "/v1/views/{view}/rows/{key}/history"
    case .read(.lookup): "/v1/views/{view}/lookup"
    case .changes: "/v1/views/{view}/changes"
    case .live: "/v1/live"
    case .read(.availability(_, nil)): "/v1/availability/{item}"
    case .read(.availability(_, _?)): "/v1/availability/{item}/{location}"
    case .read(.availabilityOfMany): "/v1/availability"
    case .holds(.collection): "/v1/holds"
    case .holds(.one): "/v1/holds/{hold}"
    case .holds(.action(_, let action)): "/v1/holds/{hold}/\(action.rawValue)"
    case .webhooks(.all): "/v1/webhooks"
    case .webhooks(.one): "/v1/webhooks/{webhook}"
    case .webhooks(.action(_, let action)): "/v1/webhooks/{webhook}/\(action.rawValue)"
    }
  }

  @Test func everyRouteIsInTheContractWithItsMethods() throws {
    let contract = try Contract()
    for (path, _, _) in contract.operations where path.hasPrefix("/v1/") {
      var text = path
      try text.withUTF8 { utf8 in
        let route = try #require(Route(ByteView(UnsafeRawBufferPointer(utf8))), "\(path)")
        #expect(template(route) == path)
        let methods = "\(route.methods)".split(separator: ", ").filter {
          $0 != "OPTIONS" && $0 != "HEAD"
        }
        let documented = contract.operations.filter { $0.path == path }.map(\.method)
        #expect(Set(methods.map(String.init)) == Set(documented), "\(path)")
      }
    }
    for absent in ["/v1", "/v1/", "/v1/rows", "/v2/views", "/v1/views/a/b", "/v1/views/a/rows/b/c"]
    {
      var text = absent
      text.withUTF8 { #expect(Route(ByteView(UnsafeRawBufferPointer($0))) == nil, "\(absent)") }
    }
  }

  @Test func everyDocumentedRequestIsAnsweredAsDocumented() async throws {
    try await serve { client, contract in
      // Holds and webhooks take what changes with each request, and have tests of their own.
      for (path, method, operation) in contract.operations
      where path != "/v1/live" && !path.hasPrefix("/v1/holds") && !path.contains("webhooks") {
        let target = path.replacingOccurrences(of: "{view}", with: "live_stock")
          .replacingOccurrences(of: "{key}", with: "17,3")
          .replacingOccurrences(of: "{item}", with: "17")
          .replacingOccurrences(of: "{location}", with: "3")
        let answer: HTTPClient.Response
        if method == "POST" {
          let body = contract.members(operation["requestBody"]?["content"]).first?.1["example"]
          answer = try client.post(target, try #require(Self.json(body), "\(path) has an example"))
        } else {
          answer = try client.get(target, method: method)
        }
        #expect(answer.status == 200, "\(method) \(path): \(answer.body.prefix(300))")
        expectDocumented(answer, path, method, contract)
      }
    }
  }

  @Test func everyRequestAboutWebhooksIsAnsweredAsDocumented() async throws {
    try await serve { client, contract in
      let made = try client.post(
        "/v1/webhooks", #"{"url":"http://192.0.2.1/","view":"live_stock"}"#)
      #expect(made.status == 400)
      expectDocumented(made, "/v1/webhooks", "POST", contract)
      var id = ""
      for (path, method, operation) in contract.operations where path.contains("webhooks") {
        let target = path.replacingOccurrences(of: "{webhook}", with: id)
        let body = contract.members(operation["requestBody"]?["content"]).first?.1["example"]
        let json = Self.json(body) ?? (method == "GET" || method == "DELETE" ? nil : "{}")
        guard method != "DELETE" else { continue }
        let answer = try client.send(method, target, json: json)
        #expect([200, 201].contains(answer.status), "\(method) \(path): \(answer.body)")
        expectDocumented(answer, path, method, contract)
        if answer.status == 201 {
          id = try #require(answer.fields["location"]?.split(separator: "/").last.map(String.init))
        }
      }
      #expect(try client.send("DELETE", "/v1/webhooks/\(id)").status == 204)
      let unknown = try client.get("/v1/webhooks/\(id)")
      #expect(unknown.status == 404)
      expectDocumented(unknown, "/v1/webhooks/{webhook}", "GET", contract)
    }
  }

  @Test(arguments: [
    ("/v1/views/nothing", "/v1/views/{view}", 404), ("/v1/views?x=1", "/v1/views", 400),
    ("/v1/views/live_stock/rows?on_hand=lt.x", "/v1/views/{view}/rows", 400),
    ("/v1/views/live_stock/rows?item=lt.x&select=item,item", "/v1/views/{view}/rows", 400),
    ("/v1/views/live_stock/rows?min_position=zz:0/1", "/v1/views/{view}/rows", 409),
    ("/v1/views/live_stock/rows?min_position=FFFFFFFF/0&wait=0", "/v1/views/{view}/rows", 504),
    ("/v1/views/live_stock/rows/1", "/v1/views/{view}/rows/{key}", 400),
    ("/v1/views/live_stock/rows/0,0", "/v1/views/{view}/rows/{key}", 404),
    ("/v1/views/live_stock/changes?after=0/1", "/v1/views/{view}/changes", 400),
    ("/v1/views/live_stock/changes?after=zz:0/1", "/v1/views/{view}/changes", 410),
    ("/v1/live", "/v1/live", 426),
    ("/v1/availability/0", "/v1/availability/{item}", 404),
    ("/v1/availability/x/y", "/v1/availability/{item}/{location}", 400),
  ])
  func everyRefusalIsDocumented(target: String, path: String, status: Int) async throws {
    let client = try Self.running.get()
    let answer = try client.get(target)
    #expect(answer.status == status, "\(answer.body)")
    expectDocumented(answer, path, "GET", try Contract())
  }

  @Test(arguments: [
    ("{}", "application/json", 400), ("{\"keys\":[[1,1]]}", "text/plain", 415),
    (
      "{\"keys\":[\(Array(repeating: "[1,1]", count: 10_001).joined(separator: ","))]}",
      "application/json", 413
    ),
    ("{\"keys\":[[1,1],[0,0]]}", "application/json", 200),
  ])
  func everyAnswerToALookUpIsDocumented(body: String, type: String, status: Int) async throws {
    let client = try Self.running.get()
    let answer = try client.post(
      "/v1/views/live_stock/lookup?bigint=string", body, headers: ["Content-Type": type])
    #expect(answer.status == status, "\(answer.body.prefix(300))")
    expectDocumented(answer, "/v1/views/{view}/lookup", "POST", try Contract())
  }

  @Test func tagsAreAnsweredAsDocumented() async throws {
    let client = try Self.running.get()
    for (target, path) in [
      ("/v1/views/live_stock/rows/1,1", "/v1/views/{view}/rows/{key}"),
      ("/v1/availability/1", "/v1/availability/{item}"),
    ] {
      let tag = try #require(try client.get(target).fields["etag"])
      let answer = try client.get(target, headers: ["If-None-Match": tag])
      #expect(answer.status == 304)
      expectDocumented(answer, path, "GET", try Contract())
    }
  }

  @Test func theContractIsAPageThatNeedsNothingElse() async throws {
    let client = try Self.running.get()
    let page = try client.get("/docs")
    #expect(page.status == 200 && page.fields["content-type"] == "text/html; charset=utf-8")
    let contract = try Contract()
    for (path, _, operation) in contract.operations {
      #expect(page.body.contains("<code>\(path)</code>"))
      #expect(page.body.contains("id=\"\(operation["operationId"]?.string ?? "?")\""))
    }
    #expect(
      !page.body.contains("src=") && !page.body.contains("http://")
        && !page.body.contains("<script"))
  }

  // MARK: Comparing

  func expectDocumented(
    _ answer: HTTPClient.Response, _ path: String, _ method: String, _ contract: Contract,
    _ location: SourceLocation = #_sourceLocation
  ) {
    guard let operation = contract.operation(path, method),
      let response = contract.response(operation, answer.status)
    else {
      Issue.record("\(method) \(path) \(answer.status) is not documented", sourceLocation: location)
      return
    }
    for (name, header) in contract.members(response["headers"])
    where contract.resolved(header)["required"]?.bool == true {
      #expect(answer.fields[name.lowercased()] != nil, "\(path): \(name)", sourceLocation: location)
    }
    let contents = contract.members(response["content"])
    guard answer.status != 304 else { return }
    let type = answer.fields["content-type"]?.split(separator: ";").first.map(String.init) ?? ""
    guard let schema = contents.first(where: { $0.0 == type })?.1["schema"] else {
      Issue.record("\(path) \(answer.status) is of type \(type)", sourceLocation: location)
      return
    }
    guard type.hasSuffix("json") else { return }
    let value = try? JSONSerialization.jsonObject(with: Data(answer.body.utf8))
    let violations = value.map { contract.violations($0, schema) } ?? ["it is no JSON"]
    #expect(violations == [], "\(method) \(path) \(answer.status)", sourceLocation: location)
  }

  private static func json(_ node: Yams.Node?) -> String? {
    guard let node else { return nil }
    if let mapping = node.mapping {
      return "{"
        + mapping.map { "\"\($0.key.string ?? "")\":\(json($0.value) ?? "null")" }
        .joined(separator: ",") + "}"
    }
    if let sequence = node.sequence {
      return "[" + sequence.map { json($0) ?? "null" }.joined(separator: ",") + "]"
    }
    if node.string == "true" || node.string == "false" { return node.string }
    return node.int.map(String.init) ?? node.string.map { "\"\($0)\"" }
  }

  /// A client of one service that tests share which change nothing.
  private nonisolated(unsafe) static let running = Result<HTTPClient, any Error> {
    let database = try TestCluster.database("")
    try DemoShop.install(on: PostgresConnection(database.conninfo))
    var configuration = try database.prepared(DemoShop.views)
    configuration.availability = DemoShop.availability
    let service = try Service(configuration, logger: TestService.quiet)
    kept.append(service)
    let client = try HTTPClient(port: service.port)
    try wait("ready") { try client.get("/readyz").status == 200 }
    return client
  }
  private nonisolated(unsafe) static var kept: [Service] = []
}
