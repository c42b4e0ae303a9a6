import Foundation
import Yams

/// `openapi/openapi.yaml`, and answers beside it.
struct Contract {
  let root: Node

  init() throws {
    var package = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { package.deleteLastPathComponent() }
    let file = package.appendingPathComponent("openapi/openapi.yaml")
    root = try Yams.compose(yaml: String(contentsOf: file, encoding: .utf8)) ?? Node([:])
  }

  /// By path and method, in the order of the document.
  var operations: [(path: String, method: String, node: Node)] {
    members(root["paths"]).flatMap { path, item in
      members(item).map { (path, $0.0.uppercased(), $0.1) }
    }
  }

  func operation(_ path: String, _ method: String) -> Node? {
    root["paths"]?[path]?[method.lowercased()]
  }

  func response(_ operation: Node, _ status: Int) -> Node? {
    // A quoted key is a string to YAML, which the subscript would take for a number.
    members(operation["responses"]).first { $0.0 == String(status) }.map { resolved($0.1) }
  }

  var problemCodes: Set<String> {
    let codes = root["components"]?["schemas"]?["Problem"]?["properties"]?["code"]?["enum"]
    return Set(codes?.array().compactMap(\.string) ?? [])
  }

  func members(_ node: Node?) -> [(String, Node)] {
    node?.mapping.map { mapping in mapping.map { ($0.key.string ?? "", $0.value) } } ?? []
  }

  func resolved(_ node: Node) -> Node {
    guard let reference = node["$ref"]?.string else { return node }
    return reference.split(separator: "/").dropFirst()
      .reduce(root as Node?) { $0?[String($1)] } ?? node
  }

  // MARK: Answers

  /// What of a JSON value is not as its schema says.
  func violations(_ value: Any, _ schema: Node?, at place: String = "$") -> [String] {
    guard let schema = schema.map(resolved) else { return [] }
    if let choices = schema["oneOf"]?.array() {
      return choices.contains { violations(value, $0, at: place).isEmpty }
        ? [] : ["\(place) is none of the choices"]
    }
    var found = (schema["allOf"]?.array() ?? []).flatMap {
      violations(value, $0, at: place).filter { !$0.contains("is not documented") }
    }
    if let types = schema["type"] {
      let names = types.string.map { [$0] } ?? types.array().compactMap(\.string)
      if !names.contains(where: { Self.isOfType(value, $0) }) {
        found.append("\(place) is not of type \(names)")
      }
    }
    if let constant = schema["const"]?.string, value as? String != constant {
      found.append("\(place) is not \(constant)")
    }
    if let choices = schema["enum"]?.array().compactMap(\.string), !choices.contains("\(value)") {
      found.append("\(place) is not one of \(choices)")
    }
    if let pattern = schema["pattern"]?.string, let text = value as? String,
      text.range(of: pattern, options: .regularExpression) == nil
    {
      found.append("\(place) does not match \(pattern)")
    }
    if let elements = value as? [Any] {
      found += elements.enumerated().flatMap {
        violations($1, schema["items"], at: "\(place)[\($0)]")
      }
    }
    if let object = value as? [String: Any] { found += violations(object, schema, at: place) }
    return found
  }

  private func violations(_ object: [String: Any], _ schema: Node, at place: String) -> [String] {
    var found: [String] = []
    for name in schema["required"]?.array().compactMap(\.string) ?? [] where object[name] == nil {
      found.append("\(place).\(name) is missing")
    }
    let properties = members(schema["properties"])
    for (name, property) in properties {
      if let value = object[name] { found += violations(value, property, at: "\(place).\(name)") }
    }
    if !properties.isEmpty, schema["additionalProperties"]?.bool != true, schema["allOf"] == nil {
      let known = Set(properties.map(\.0))
      found += object.keys.filter { !known.contains($0) }
        .map { "\(place).\($0) is not documented" }
    }
    return found
  }

  private static func isOfType(_ value: Any, _ name: String) -> Bool {
    switch name {
    case "object": value is [String: Any]
    case "array": value is [Any]
    case "string": value is String
    case "null": value is NSNull
    case "boolean": value is Bool
    case "integer": (value as? NSNumber).map { $0.doubleValue == $0.doubleValue.rounded() } ?? false
    case "number": value is NSNumber
    default: false
    }
  }

}
