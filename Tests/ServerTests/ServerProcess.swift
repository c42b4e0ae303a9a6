import Foundation
import TestSupport

/// A server that runs beside the tests, until this goes.
final class ServerProcess {
  private let process = Process()
  private let input = Pipe()
  let port: UInt16

  struct Failure: Error { let problem: String }

  /// Starts our own.
  init() throws {
    let folder = Bundle.main.executableURL?.deletingLastPathComponent().path ?? "."
    let candidates = [folder, Bundle.main.bundlePath + "/.."].map { $0 + "/EchoServer" }
    let found = candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
    guard let found else { throw Failure(problem: "no EchoServer in \(candidates)") }
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: found)
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    guard let port = UInt16(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw Failure(problem: "EchoServer said \(line)")
    }
    self.port = port
  }

  /// Starts nginx, answering as ours does, in `folder`.
  init(nginxIn folder: String) throws {
    port = try FreePort.find()
    try Self.configuration(port, folder).write(
      toFile: "\(folder)/nginx.conf", atomically: true, encoding: .utf8)
    process.executableURL = URL(fileURLWithPath: Self.nginx)
    process.arguments = ["-p", folder, "-c", "\(folder)/nginx.conf", "-e", "\(folder)/error.log"]
    process.standardInput = input
    try process.run()
    let end = ContinuousClock.now + .seconds(60)
    while (try? TestClient(port: port)) == nil {
      guard ContinuousClock.now < end, process.isRunning else {
        let log = (try? String(contentsOfFile: "\(folder)/error.log", encoding: .utf8)) ?? ""
        throw Failure(problem: "nginx did not start: \(log)")
      }
      usleep(20_000)
    }
  }

  deinit {
    try? input.fileHandleForWriting.close()
    // Whatever is started from a thread of Dispatch's has other signals blocked.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  static let nginx = "/usr/sbin/nginx"
  static var hasNginx: Bool { FileManager.default.isExecutableFile(atPath: nginx) }

  var isAlive: Bool { process.isRunning }

  /// What of its memory is resident.
  func residentBytes() throws -> Int {
    let path = "/proc/\(process.processIdentifier)/statm"
    let fields = try String(contentsOfFile: path, encoding: .utf8).split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { throw Failure(problem: path) }
    return pages * Int(getpagesize())
  }

  private static func configuration(_ port: UInt16, _ folder: String) -> String {
    """
    daemon off;
    master_process off;
    pid \(folder)/nginx.pid;
    events { worker_connections 256; }
    http {
      access_log off;
      client_body_temp_path \(folder);
      proxy_temp_path \(folder);
      fastcgi_temp_path \(folder);
      uwsgi_temp_path \(folder);
      scgi_temp_path \(folder);
      client_header_buffer_size 16k;
      large_client_header_buffers 4 16k;
      lingering_close off;
      server {
        listen 127.0.0.1:\(port);
        location / {
          add_header X-Echo "$request_method $request_uri";
          return 204;
        }
      }
    }
    """
  }
}
