import Foundation
import Yams

/// The contract as one page of HTML that needs nothing else, for `/docs`.
struct ContractPage: Sendable {
  /// Nil where there is no contract to render.
  let html: String?

  /// - Parameter folder: with `openapi.yaml`.
  init(folder: String?) {
    guard let folder,
      let yaml = try? String(contentsOfFile: "\(folder)/openapi.yaml", encoding: .utf8),
      let root = try? Yams.compose(yaml: yaml)
    else {
      html = nil
      return
    }
    html = ContractRenderer(root: root).page
  }
}

/// Writes what OpenAPI 3.1 says of paths, parameters, answers and schemas.
private struct ContractRenderer {
  let root: Node

  private static let style = """
    body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
    h1,h2,h3{line-height:1.2}h3 code{font-size:1rem}section{border-top:1px solid #ddd;margin-top:2rem}
    code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{background:#f5f5f5;padding:.75rem;overflow:auto}
    table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #eee}
    .method{text-transform:uppercase;font-weight:600}
    @media(prefers-color-scheme:dark){body{background:#161616;color:#e6e6e6}pre{background:#222}td,th,section{border-color:#333}a{color:#8ab4f8}}
    """

  var page: String {
    let title = escaped(root["info"]?["title"]?.string ?? "API")
    return """
      <!doctype html><html lang="en"><meta charset="utf-8"><title>\(title)</title>
      <meta name="viewport" content="width=device-width"><style>\(Self.style)</style>
      <h1>\(title)</h1>\(prose(root["info"]?["description"]))
      <p>The same for programs: <a href="/openapi.yaml">openapi.yaml</a></p>
      \(members(root["paths"]).map(path).joined())
      <h2>Schemas</h2>\(members(root["components"]?["schemas"]).map(schema).joined())
      """
  }

  private func path(_ path: String, _ item: Node) -> String {
    members(item).map { method, operation in
      """
      <section id="\(escaped(operation["operationId"]?.string ?? ""))">
      <h3><span class="method">\(escaped(method))</span> <code>\(escaped(path))</code></h3>
      <p><strong>\(escaped(operation["summary"]?.string ?? ""))</strong></p>\(prose(operation["description"]))
      \(table("Parameter", operation["parameters"]?.array().map(parameter) ?? []))
      \(body(operation["requestBody"]))
      \(table("Answer", members(operation["responses"]).map(answer)))
      </section>
      """
    }.joined()
  }

  private func parameter(_ node: Node) -> (String, String) {
    let parameter = resolved(node)
    let place = parameter["in"]?.string ?? ""
    let name = parameter["name"]?.string ?? ""
    return (
      "<code>\(escaped(name))</code><br><small>\(escaped(place))</small>",
      inline(parameter["description"]) + " " + type(parameter["schema"])
    )
  }

  private func answer(_ status: String, _ node: Node) -> (String, String) {
    let answer = resolved(node)
    let contents = members(answer["content"]).map { media, content in
      "<br><code>\(escaped(media))</code> \(type(content["schema"]))"
    }.joined()
    let headers = members(answer["headers"]).map { "<code>\(escaped($0.0))</code>" }
      .joined(separator: ", ")
    return (
      "<code>\(escaped(status))</code>",
      inline(answer["description"]) + (headers.isEmpty ? "" : "<br>Headers: \(headers)") + contents
    )
  }

  private func body(_ node: Node?) -> String {
    guard let node, let content = members(resolved(node)["content"]).first else { return "" }
    return "<p>Body: <code>\(escaped(content.0))</code></p>" + yaml(content.1["schema"])
  }

  private func schema(_ name: String, _ node: Node) -> String {
    "<section id=\"schema-\(escaped(name))\"><h3><code>\(escaped(name))</code></h3>\(yaml(node))</section>"
  }

  /// A schema in a few words: a reference as a link, else its type.
  private func type(_ node: Node?) -> String {
    guard let node else { return "" }
    if let name = node["$ref"]?.string?.split(separator: "/").last {
      return "<a href=\"#schema-\(escaped(String(name)))\">\(escaped(String(name)))</a>"
    }
    guard let text = try? Yams.serialize(node: node, width: -1) else { return "" }
    return text.count <= 80 && !text.dropLast().contains("\n")
      ? "<small>\(escaped(text))</small>" : yaml(node)
  }

  private func yaml(_ node: Node?) -> String {
    guard let node, let text = try? Yams.serialize(node: node) else { return "" }
    return "<pre>\(escaped(text))</pre>"
  }

  private func table(_ head: String, _ rows: [(String, String)]) -> String {
    guard !rows.isEmpty else { return "" }
    let body = rows.map { "<tr><td>\($0.0)</td><td>\($0.1)</td></tr>" }.joined()
    return "<table><tr><th>\(head)</th><th></th></tr>\(body)</table>"
  }

  // MARK: Nodes and text

  private func members(_ node: Node?) -> [(String, Node)] {
    node?.mapping.map { mapping in mapping.map { ($0.key.string ?? "", $0.value) } } ?? []
  }

  /// What `#/components/...` stands for.
  private func resolved(_ node: Node) -> Node {
    guard let reference = node["$ref"]?.string else { return node }
    return reference.split(separator: "/").dropFirst()
      .reduce(root) { found, name in found?[String(name)] } ?? node
  }

  /// Paragraphs; what looks like a table or list stays as it is written.
  private func prose(_ node: Node?) -> String {
    guard let text = node?.string else { return "" }
    return text.split(separator: "\n\n").map { paragraph in
      paragraph.hasPrefix("|")
        ? "<pre>\(escaped(String(paragraph)))</pre>" : "<p>\(marked(String(paragraph)))</p>"
    }.joined()
  }

  private func inline(_ node: Node?) -> String { marked(node?.string ?? "") }

  /// Code between backquotes, and strong text between pairs of asterisks.
  private func marked(_ text: String) -> String {
    let codes = text.split(separator: "`", omittingEmptySubsequences: false)
    return codes.enumerated().map { index, part in
      if index % 2 == 1 { return "<code>\(escaped(String(part)))</code>" }
      let strong = String(part).components(separatedBy: "**")
      return strong.enumerated().map {
        $0 % 2 == 1 ? "<strong>\(escaped($1))</strong>" : escaped($1)
      }
      .joined()
    }.joined()
  }

  private func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }
}
