// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "onhand",
  products: [
    .executable(name: "onhand", targets: ["onhand"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/attaswift/BigInt", from: "6.0.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: [
    // The command: one call.
    .executableTarget(name: "onhand", dependencies: ["Gateway"]),

    // Configuration, composition, endpoints, lifecycle, command line.
    .target(
      name: "Gateway",
      dependencies: [
        "Addresses", "CLinux", "COpenSSL", "Capture", "Catalog", "Durability", "Engine", "HTTPWire",
        "Holds", "JSONWire", "Runtime", "Server", "Webhooks",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Yams", package: "Yams"),
      ]),

    // Owners: each thin, on its own queue.
    .target(
      name: "Capture",
      dependencies: [
        "CPostgres", "Catalog", "Engine", "PGOutput", "Runtime",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "Holds",
      dependencies: [
        "Capture", "Engine", "Runtime", .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "Server",
      dependencies: [
        "Addresses", "CLinux", "COpenSSL", "CZlib", "HTTPWire", "Runtime",
        .product(name: "Logging", package: "swift-log"),
      ]),

    .target(
      name: "Webhooks",
      dependencies: [
        "Addresses", "CCurl", "CLinux", "COpenSSL", "Capture", "Engine", "JSONWire", "Runtime",
        .product(name: "Logging", package: "swift-log"),
      ]),

    .target(
      name: "Durability",
      dependencies: [
        "CLinux", "Engine", "Runtime",
        .product(name: "Logging", package: "swift-log"),
      ]),

    // Pure: no Foundation, no Dispatch, no C. Everything worth proving lives here.
    .target(
      name: "Engine", dependencies: ["Addresses", .product(name: "BigInt", package: "BigInt")]),
    .target(name: "Catalog", dependencies: ["Engine"]),
    .target(name: "PGOutput"),
    .target(name: "HTTPWire"),
    .target(name: "Addresses"),
    .target(name: "JSONWire"),

    // Queue executor, clock, metrics.
    .target(name: "Runtime", dependencies: ["COpenSSL"]),

    // System modules and shims.
    .target(name: "CLinux"),
    .systemLibrary(
      name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

    .testTarget(name: "HTTPWireTests", dependencies: ["HTTPCorpus", "HTTPWire", "TestSupport"]),
    .testTarget(name: "JSONWireTests", dependencies: ["JSONWire", "TestSupport"]),
    .testTarget(
      name: "ServerTests",
      dependencies: [
        "Addresses", "CLinux", "CZlib", "EchoServer", "HTTPCorpus", "HTTPWire", "Server",
        "TestSupport",
      ]),
    .testTarget(
      name: "DurabilityTests", dependencies: ["Durability", "Engine", "TestSupport"]),
    .testTarget(name: "EngineTests", dependencies: ["Addresses", "Engine", "TestSupport"]),
    .testTarget(
      name: "CatalogTests", dependencies: ["Catalog", "TestSupport"], exclude: ["Fixtures"]),
    .testTarget(name: "PGOutputTests", dependencies: ["PGOutput", "TestSupport"]),
    // The whole against a real Postgres.
    .testTarget(
      name: "GatewayTests",
      dependencies: [
        "Addresses", "Durability", "Gateway", "HTTPWire", "Server", "TestSupport", "Webhooks",
        .product(name: "Yams", package: "Yams"),
      ]),
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    // A server to be mistreated.
    .executableTarget(
      name: "EchoServer", dependencies: ["HTTPWire", "Server"], path: "Tests/EchoServer"),
    // Requests, good and hostile, for tests and as seeds of fuzzing.
    .target(name: "HTTPCorpus", dependencies: ["HTTPWire"], path: "Tests/HTTPCorpus"),
  ]
)

// What is tested is optimized as it is shipped; to optimize the tests as well would take longer than to run them.
for target in package.targets where target.path?.hasPrefix("Tests/") == true || target.isTest {
  target.swiftSettings = [.unsafeFlags(["-Onone"], .when(configuration: .release))]
}

// Built by scripts/fuzz alone, since libFuzzer brings `main`. Each is a folder below Fuzz.
if Context.environment["ONHAND_FUZZ"] != nil {
  let targets: [String: [Target.Dependency]] = [
    "FuzzFrames": ["HTTPCorpus", "HTTPWire"],
    "FuzzFilter": ["Engine", "HTTPWire"],
    "FuzzJSON": ["JSONWire"],
    "FuzzRequest": ["HTTPCorpus", "HTTPWire"],
    "FuzzState": ["Engine"],
  ]
  package.targets.append(.target(name: "FuzzSupport", path: "Fuzz/FuzzSupport"))
  package.targets += targets.map { name, dependencies in
    .executableTarget(
      name: name, dependencies: ["FuzzSupport"] + dependencies, path: "Fuzz/\(name)")
  }
}
