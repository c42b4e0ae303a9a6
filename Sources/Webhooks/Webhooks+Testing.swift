import Engine

extension Webhooks {
  /// Sends `webhook.test` to an endpoint's receiver, whoever has the duty, and calls `completion` with the attempt as JSON.
  ///
  /// - Parameter completion: hears nil where the URL is refused or too much is under way.
  package nonisolated func test(
    _ endpoint: WebhookEndpoint, _ completion: @escaping @Sendable (String?) -> Void
  ) {
    post { $0.sendTest(endpoint, completion) }
  }

  private func sendTest(
    _ endpoint: WebhookEndpoint, _ completion: @escaping @Sendable (String?) -> Void
  ) {
    guard let url = try? WebhookURL(endpoint.url, guardian), let transport, transport.hasRoom
    else { return completion(nil) }
    let id = "msg_test_" + HexText.encode(Signer.randomBytes(12))
    let at = clock.wallMicroseconds
    let body = EventBody.test(endpoint: endpoint.id, view: endpoint.view, at: at, endpoint.template)
    transport.send(request(id, body, url, endpoint)) { answer in
      let report = AttemptReport(
        webhookID: id, failures: 0, state: answer.isSuccess ? "delivered" : "failed",
        answer: answer, at: at)
      completion(report.json)
    }
    transport.drive()
  }
}
