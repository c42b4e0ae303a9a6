import Glibc
import HTTPWire
import Server

/// A server in a process of its own, so that tests can look at its memory and see whether it lives.
///
/// It prints its port and ends when its standard input does. An answer names the method and the target
/// in a field, and has no body.
@main
struct EchoServer: RequestHandler {
  static func main() throws {
    var limits = ServerLimits()
    limits.headTime = .seconds(2)
    limits.bodyTime = .seconds(2)
    let server = try Server(ServerConfiguration(limits: limits), EchoServer())
    print(server.port)
    fflush(nil)
    while getchar() != EOF {}
    // It runs until here.
    withExtendedLifetime(server) {}
  }

  func handle(
    _ request: borrowing Request, _ response: inout Response, _ context: borrowing RequestContext
  ) -> Outcome {
    response.status = .noContent
    let (method, path, query) = (request.method, request.path, request.query)
    response.addField("X-Echo") { field in
      field.append(method.name)
      field.append(" ")
      field.append(path)
      guard !query.isEmpty else { return }
      field.append("?")
      field.append(query)
    }
    return .respond
  }
}
