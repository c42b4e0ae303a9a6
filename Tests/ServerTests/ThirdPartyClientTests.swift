import Foundation
import HTTPWire
import Server
import Testing

/// Sessions as clients see them that others have written.
@Suite struct ThirdPartyClientTests {
  @Test(.enabled(if: Program.curl != nil), arguments: ["--http1.1", "--http1.0"])
  func curlReadsAStreamToItsEnd(_ version: String) async throws {
    let feed = Feed()
    try await withServer(ServerConfiguration(), feed) { server in
      let curl = try Program(
        Program.curl!, ["-sSN", version, "http://127.0.0.1:\(server.port)/stream"])
      #expect(try await eventually { feed.begun == 1 })
      let messages = (0..<200).map { "data: \($0)\n\n" }
      for message in messages { feed.tell(message, server) }
      feed.finish(server)
      let output = await curl.outputWithoutBlocking()
      #expect(output == messages.joined())
    }
  }

  /// Python's `websockets`, which offers compression, asks for the close itself, and checks what it gets.
  @Test(.enabled(if: Program.pythonWithWebSockets != nil))
  func pythonHearsWhatItSaid() async throws {
    let feed = Feed(MessageLimits(messageBytesMax: 2_000_000))
    try await withServer(ServerConfiguration(), feed) { server in
      let python = try Program(
        Program.pythonWithWebSockets!, ["-c", Self.script, "\(server.port)"])
      let output = await python.outputWithoutBlocking()
      #expect(output == "compressed 1000\n")
    }
  }

  private static let script = """
    import asyncio, os, sys, websockets

    async def main():
        url = f"ws://127.0.0.1:{sys.argv[1]}/echo"
        async with websockets.connect(url, max_size=None, subprotocols=["test.v1"]) as socket:
            for count in [0, 1, 125, 126, 255, 65_535, 65_536, 1_000_000]:
                for message in ["é" * (count // 2), "stock " * (count // 6), os.urandom(count)]:
                    await socket.send(message)
                    assert await socket.recv() == message
            await socket.send(["in ", "three ", "parts"])
            assert await socket.recv() == "in three parts"
            await (await socket.ping())
            extensions = socket.response.headers["Sec-WebSocket-Extensions"]
            print("compressed" if "permessage-deflate" in extensions else extensions, end=" ")
        print(socket.close_code)

    asyncio.run(main())
    """
}

/// A program that runs beside a test.
private final class Program: Sendable {
  private let process = Process()
  private let pipe = Pipe()

  init(_ path: String, _ arguments: [String]) throws {
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  /// What it writes until it ends.
  func output() -> String {
    String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  }

  func outputWithoutBlocking() async -> String {
    await withCheckedContinuation { done in
      DispatchQueue.global().async { done.resume(returning: self.output()) }
    }
  }

  static let curl = find("curl")
  /// ONHAND_PYTHON may name one that has the package.
  static let pythonWithWebSockets: String? = {
    let named = ProcessInfo.processInfo.environment["ONHAND_PYTHON"]
    guard let python = named ?? find("python3"),
      let check = try? Program(python, ["-c", "import websockets; print('yes')"]),
      check.output() == "yes\n"
    else { return nil }
    return python
  }()

  private static func find(_ name: String) -> String? {
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    return folders.map { "\($0)/\(name)" }.first(where: FileManager.default.isExecutableFile)
  }
}
