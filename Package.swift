// swift-tools-version: 6.2
import PackageDescription

// Layers, from the ground up. A target may import only what its line names; ARCHITECTURE.md says why.

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A module of ours in a layer's folder.
func module(_ layer: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)", swiftSettings: swiftSettings)
}

/// A system C library, as a module map and static inlines.
func cLibrary(_ name: String, _ pkgConfig: String? = nil) -> Target {
    .systemLibrary(name: name, path: "Sources/C/\(name)", pkgConfig: pkgConfig)
}

/// A program: arguments, signals, wiring.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Sources/Programs/\(name)", swiftSettings: swiftSettings)
}

/// The tests of one module.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests", swiftSettings: swiftSettings)
}

let package = Package(
    name: "culvert",
    // For the fuzz targets, which are a package of their own.
    products: [
        .library(
            name: "Fuzzed",
            targets: [
                "Primitives", "Identity", "Wire", "Policy", "Mesh", "System", "EventLoop", "TLS", "HTTP1", "HTTP2",
                "Tunnel",
                "RPC", "Schema", "Discovery", "YAML", "NodeProxy", "Manifests", "Compiler", "Interception",
            ])
    ],
    targets: [
        // C
        cLibrary("CLinux"),
        cLibrary("COpenSSL", "openssl"),
        cLibrary("CNghttp2", "libnghttp2"),
        cLibrary("CYAML", "yaml-0.1"),

        // Core: what is true
        module("Core", "Primitives"),
        module("Core", "Identity", ["Primitives"]),
        module("Core", "Wire", ["Primitives"]),
        module("Core", "Policy", ["Primitives", "Identity"]),
        module("Core", "Mesh", ["Primitives", "Identity", "Wire", "Policy"]),

        // Engine: how bytes move
        module("Engine", "System", ["CLinux", "Primitives"]),
        module("Engine", "EventLoop", ["CLinux", "Primitives", "System"]),
        module("Engine", "Resolver", ["Primitives", "Wire", "System", "EventLoop"]),
        module("Engine", "TLS", ["COpenSSL", "Primitives", "Identity"]),
        module("Engine", "HTTP2", ["CNghttp2", "Primitives"]),
        module("Engine", "HTTP1", ["Primitives"]),
        module("Engine", "Tunnel", ["Primitives", "Identity", "System", "EventLoop", "TLS", "HTTP2"]),
        module("Engine", "RPC", ["Primitives", "Identity", "System", "EventLoop", "TLS", "HTTP2"]),

        // Service: what every daemon needs
        module("Service", "Schema", ["Primitives"]),
        module("Service", "Telemetry", ["Primitives", "System"]),
        module("Service", "ControlPlane", ["Primitives", "System", "EventLoop", "TLS", "RPC"]),
        module(
            "Service", "Discovery",
            [
                "Primitives", "Identity", "Wire", "Policy", "Mesh", "System", "EventLoop", "TLS", "RPC", "Schema",
                "Telemetry", "ControlPlane",
            ]),
        module(
            "Service", "Certificates",
            ["Primitives", "Identity", "System", "EventLoop", "TLS", "RPC", "Schema", "ControlPlane"]),
        module("Service", "Admin", ["Primitives", "System", "EventLoop", "HTTP1", "Telemetry"]),
        module("Service", "YAML", ["CYAML", "Primitives"]),
        module(
            "Service", "LocalState",
            ["Primitives", "System", "EventLoop", "Schema", "YAML", "Telemetry", "Discovery"]),

        // Node, Agent, Control, Lab
        module(
            "Node", "NodeProxy",
            [
                "Primitives", "Identity", "Wire", "Policy", "Mesh", "System", "EventLoop", "Resolver", "TLS", "HTTP2",
                "Tunnel", "Schema", "Telemetry", "ControlPlane", "Discovery", "Certificates", "Admin", "RPC", "YAML",
                "LocalState",
            ]),
        module("Control", "Manifests", ["Primitives", "System", "YAML"]),
        module("Control", "Compiler", ["Primitives", "Schema", "YAML", "Manifests"]),
        module("Control", "Signing", ["Primitives", "Identity", "System", "TLS", "Schema"]),
        module(
            "Control", "Serving",
            [
                "Primitives", "Identity", "System", "EventLoop", "TLS", "RPC", "Schema", "Telemetry", "Manifests",
                "Compiler", "Signing",
            ]),
        module(
            "Agent", "Interception",
            ["Primitives", "System", "EventLoop", "Schema", "Telemetry", "Manifests", "Compiler"]),
        module("Lab", "Lab", ["Primitives", "System", "Schema", "YAML", "Manifests", "Compiler"]),

        // Programs
        program("culvert-node", ["NodeProxy", "Primitives", "System", "Telemetry"]),
        program(
            "culvert-agent",
            ["Interception", "Manifests", "Compiler", "Primitives", "System", "EventLoop", "Telemetry"]),
        program(
            "culvert-control",
            ["Manifests", "Compiler", "Signing", "Serving", "Primitives", "System", "EventLoop", "Telemetry"]),
        program("culvertctl", ["Lab", "Primitives", "System"]),

        // Benchmarks: load generator, and the relays that proxies are compared with
        .target(name: "CCounting", path: "Benchmarks/CCounting"),
        .executableTarget(
            name: "culvert-bench",
            dependencies: [
                "CCounting", "Primitives", "Identity", "Wire", "Policy", "Mesh", "System", "EventLoop", "TLS", "HTTP2",
                "Tunnel", "RPC", "Schema", "Discovery",
            ],
            path: "Benchmarks/culvert-bench", swiftSettings: swiftSettings),

        // Tests
        tests("Primitives", ["Primitives"]),
        tests("Identity", ["Identity"]),
        tests("Wire", ["Primitives", "Identity", "Wire"]),
        tests("Policy", ["Primitives", "Identity", "Policy"]),
        tests("Mesh", ["Primitives", "Identity", "Wire", "Policy", "Mesh"]),
        tests(
            "Discovery",
            [
                "Primitives", "Identity", "Policy", "Mesh", "System", "EventLoop", "TLS", "RPC", "Schema",
                "ControlPlane",
                "Discovery",
            ]),
        tests(
            "Istiod",
            [
                "Certificates", "ControlPlane", "Discovery", "EventLoop", "Identity", "Interception", "Mesh", "Policy",
                "Primitives", "RPC", "Schema", "System", "TLS", "culvert-node",
            ]),
        tests("System", ["System", "CLinux", "Primitives"]),
        tests("Tunnel", ["Tunnel", "TLS", "HTTP2", "EventLoop", "System", "Identity", "Primitives"]),
        tests(
            "Simulation",
            [
                "Tunnel", "HTTP2", "TLS", "EventLoop", "System", "Mesh", "Policy", "Wire", "Identity", "Primitives",
            ]),
        tests("Telemetry", ["Telemetry", "Primitives"]),
        tests(
            "NodeProxy",
            [
                "NodeProxy", "Interception", "Certificates", "EventLoop", "Identity", "Mesh", "Policy", "Primitives",
                "System", "TLS", "HTTP2", "Tunnel", "Telemetry", "ControlPlane", "RPC", "Resolver", "Schema",
            ]),
        tests("Resolver", ["Resolver", "EventLoop", "Primitives", "System", "Wire"]),
        tests("EventLoop", ["EventLoop", "System", "Primitives"]),
        tests("TLS", ["COpenSSL", "TLS", "Identity", "Primitives", "System"]),
        tests("ControlPlane", ["ControlPlane", "Primitives", "System"]),
        tests(
            "Certificates",
            [
                "Certificates", "ControlPlane", "RPC", "Schema", "TLS", "Identity", "Primitives", "EventLoop", "System",
            ]),
        tests("Schema", ["Schema", "Primitives"]),
        tests(
            "Lab",
            [
                "Lab", "Manifests", "Primitives", "System", "Schema", "culvert-control", "culvert-agent",
                "culvert-node",
            ]),
        tests(
            "Interception",
            ["Interception", "Manifests", "Compiler", "Primitives", "System", "EventLoop", "Schema", "Telemetry"]),
        tests(
            "Programs", ["Primitives", "System", "culvert-node", "culvert-control", "culvert-agent"]),
        tests("YAML", ["YAML", "Primitives"]),
        tests(
            "LocalState",
            ["LocalState", "Discovery", "EventLoop", "Mesh", "Primitives", "Schema", "System", "Telemetry", "YAML"]),
        tests("HTTP2", ["CNghttp2", "HTTP2", "Primitives"]),
        tests("Manifests", ["Manifests", "Primitives", "System", "YAML"]),
        tests("Compiler", ["Compiler", "Manifests", "Primitives", "Schema", "YAML"]),
        tests(
            "Serving",
            [
                "Serving", "Compiler", "Primitives", "Schema", "System", "EventLoop", "TLS", "RPC", "Telemetry",
                "HTTP2", "Identity",
            ]),
        tests("Signing", ["Signing", "Identity", "Primitives", "Schema", "System", "TLS"]),
        tests("RPC", ["RPC", "EventLoop", "HTTP2", "Identity", "Primitives", "System", "TLS"]),
        tests("HTTP1", ["HTTP1", "Primitives"]),
        tests("Admin", ["Admin", "EventLoop", "HTTP1", "Primitives", "System"]),
    ]
)
