// swift-tools-version: 6.2
import PackageDescription

// The fuzz targets, apart from the package they test since they need libFuzzer. `./Fuzz/run` builds and runs them.
let package = Package(
    name: "culvert-fuzz",
    dependencies: [.package(name: "culvert", path: "..")],
    targets: [
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "culvert-fuzz", dependencies: ["CFuzzer", .product(name: "Fuzzed", package: "culvert")],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]),
    ]
)
