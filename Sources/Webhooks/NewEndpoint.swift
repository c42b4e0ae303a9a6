import Engine

extension WebhookEndpoint {
  /// An endpoint with an id and, unless it brings one, a secret of its own; nil where the system has no randomness.
  package static func make(url: WebhookURL, view: QualifiedName, secret: SigningSecret?)
    -> WebhookEndpoint?
  {
    guard let secret = secret ?? Signer.makeSecret() else { return nil }
    var endpoint = WebhookEndpoint(
      id: "ep_" + HexText.encode(Signer.randomBytes(12)), url: url.description, view: view)
    endpoint.secrets = [secret]
    return endpoint
  }
}

extension SigningSecret {
  /// A new one from the system's randomness.
  package static func random() -> SigningSecret? { Signer.makeSecret() }
}
