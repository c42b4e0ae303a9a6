/// Where a server listens and with how much.
package struct ServerConfiguration: Sendable {
  /// A name or address of this machine.
  package var host: String
  /// 0 lets the system pick; `Server.port` tells which.
  package var port: UInt16
  package var workerCount: Int
  package var limits: ServerLimits
  package var trustedProxies: TrustedProxies
  package var accessLog: AccessLog?

  package init(
    host: String = "127.0.0.1", port: UInt16 = 0, workerCount: Int = 1,
    limits: ServerLimits = ServerLimits(), trustedProxies: TrustedProxies = TrustedProxies(),
    accessLog: AccessLog? = nil
  ) {
    self.host = host
    self.port = port
    self.workerCount = workerCount
    self.limits = limits
    self.trustedProxies = trustedProxies
    self.accessLog = accessLog
  }
}
