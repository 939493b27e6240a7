import Primitives
import System
import Testing

/// Calls with a network namespace that is gone afterwards. Needs root.
func withNamespace(_ body: (NetworkNamespace) throws -> Void) throws {
    let name = "cvt-\(Entropy.uint64() % 1_000_000_000)"
    try #require(try ChildProcess.run(["ip", "netns", "add", name]).status.isSuccess)
    defer { _ = try? ChildProcess.run(["ip", "netns", "del", name]) }
    try body(try NetworkNamespace.open(path: "/run/netns/\(name)"))
}
