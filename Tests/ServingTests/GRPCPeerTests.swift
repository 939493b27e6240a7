import Primitives
import Serving
import Synchronization
import System
import Testing

/// The node that Tests/peers/discovery is: another implementation of gRPC, HTTP/2, TLS and X.509.
private enum Peer {
    static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
    static let python = "\(repository)/.build/peers/bin/python"
    static var isPrepared: Bool { (try? FileSystem.status(of: python)) != nil }

    /// What the peer printed, line by line, while the control plane's loop turned.
    static func run(_ fixture: Fixture, node: String, _ arguments: [String]) throws -> [String] {
        let endpoint = try #require(fixture.control?.endpoint)
        let command =
            [
                python, "\(repository)/Tests/peers/discovery", "localhost:\(endpoint.port)",
                "\(fixture.folder)/state/root-cert.pem", "\(fixture.folder)/state/tokens/\(node)",
            ] + arguments
        let outcome = Outcome()
        Thread.start(named: "peer") {
            let result = try? ChildProcess.run(command, input: [])
            outcome.output.withLock { $0 = result?.output ?? [] }
        }
        #expect(fixture.turn(atMost: .seconds(20)) { outcome.output.withLock { $0 != nil } })
        let text = String(decoding: outcome.output.withLock { $0 } ?? [], as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    private final class Outcome: Sendable {
        let output = Mutex<[UInt8]?>(nil)
    }
}

@Suite(.enabled(if: Peer.isPrepared)) struct GRPCPeerTests {
    @Test func `grpcio receives the mesh`() throws {
        let fixture = try Fixture(["shop.yaml": shop, "deny.yaml": denyAll])
        let lines = try Peer.run(fixture, node: "one", ["1"])
        #expect(
            lines.prefix(2) == [
                """
                {"type": "type.googleapis.com/istio.workload.Address", "updated": ["\(pod)"], "removed": []}
                """,
                """
                {"type": "type.googleapis.com/istio.security.Authorization", "updated": ["shop/deny"], "removed": []}
                """,
            ])
    }

    @Test func `Python verifies the certificate that it is given`() throws {
        let fixture = try Fixture(["shop.yaml": shop])
        let identity = "spiffe://cluster.local/ns/shop/sa/cart"
        #expect(
            try Peer.run(fixture, node: "one", ["--identity", identity]) == [
                "{\"uris\": [\"\(identity)\"], \"critical\": true, \"seconds\": 86520, \"ours\": true}"
            ])
        #expect(
            try Peer.run(fixture, node: "two", ["--identity", identity]) == [
                "{\"status\": \"UNAUTHENTICATED\", \"message\": \"request impersonation authentication failure\"}"
            ])
    }
}
