import Capture
import Foundation
import TestSupport
import Testing

@testable import Gateway

/// README's lines from a view of stock to a hold that is settled in SQL, as they stand there.
struct ReadmeTests {
  /// The indented blocks of a section, without the indentation.
  private func blocks(below heading: String) throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let text = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let section = try #require(text.components(separatedBy: "\n\(heading)\n").dropFirst().first)
    var blocks: [String] = []
    var isInside = false
    for line in section.components(separatedBy: "\n") {
      if line.hasPrefix("#") { break }
      if line.hasPrefix("    ") {
        if !isInside { blocks.append("") }
        blocks[blocks.count - 1] += line.dropFirst(4) + "\n"
      }
      isInside = line.hasPrefix("    ")
    }
    return blocks
  }

  @Test func holdsAreTakenAndSettledAsWritten() throws {
    let blocks = try blocks(below: "### Holds")
    try #require(blocks.count >= 2)
    let database = try TestCluster.database("")
    try DemoShop.install(on: PostgresConnection(database.conninfo))
    let folder = FileManager.default.temporaryDirectory.appending(path: "readme-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Only what differs from machine to machine: the database, the program and the port.
    let port = try FreePort.find()
    func here(_ text: String) throws -> String {
      text.replacing("postgres://onhand@localhost/shop", with: database.conninfo)
        .replacing(".build/release/onhand", with: try OnhandProcess.program())
        .replacing("127.0.0.1:8080", with: "127.0.0.1:\(port)")
    }
    try here(blocks[0]).write(
      to: folder.appending(path: "onhand.yaml"), atomically: true, encoding: .utf8)
    let script = """
      cd \(folder.path)
      export ONHAND_LISTEN=127.0.0.1:\(port)
      trap 'kill $(jobs -p); wait' EXIT
      set -eu
      \(try here(blocks[1]))
      """
    let output = try Self.run(script)
    print(output)
    let rows = try database.run(
      "SELECT h.status, l.quantity FROM onhand.holds h JOIN onhand.hold_lines l ON l.hold_id = h.id"
    )
    #expect(rows == [["settled", "2"]], "\(output)")
    let stock = try database.run(
      "SELECT on_hand, held, available = on_hand FROM availability WHERE item_id = 1 AND location_id = 1"
    )
    #expect(stock[0][1] == "0" && stock[0][2] == "t")
    #expect(output.contains(#""held":0"#) && output.contains(#""status":"held""#), "\(output)")
  }

  private static func run(_ script: String) throws -> String {
    let pipe = try #require(popen("bash -c '\(script.replacing("'", with: #"'\''"#))' 2>&1", "re"))
    var output = ""
    var line = [CChar](repeating: 0, count: 4_096)
    while fgets(&line, Int32(line.count), pipe) != nil {
      output += String(
        decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    #expect(pclose(pipe) == 0, "\(output)")
    return output
  }
}
