import Glibc
import Identity
import Mesh
import Primitives
import System
import TLS
import Testing

@testable import NodeProxy

/// Peers that must get no further than the handshake on 15008, played by the openssl program.
@Suite(.serialized) struct RefusedPeerTests {
    private static let now = WallClock.now()

    /// A certificate of `identity` by `authority`, valid for so long from now.
    private static func certify(
        _ identity: String, by authority: CertificateAuthority, lasting lifetime: Duration = .seconds(3600),
        in folder: String
    ) throws -> [String] {
        let key = try PrivateKey.generateP256()
        let leaf = try authority.issue(.workload(uri: identity, lifetime: lifetime, now: WallClock.now()), for: key)
        try FileSystem.write(leaf, to: "\(folder)/peer.pem", mode: 0o600)
        try FileSystem.write(key.pem(), to: "\(folder)/peer.key", mode: 0o600)
        return ["-cert", "\(folder)/peer.pem", "-key", "\(folder)/peer.key"]
    }

    /// Dials the node as `openssl s_client` with these arguments and returns what the node logs.
    private func refusal(_ node: TestNode, _ arguments: [String]) throws -> String {
        let before = node.logText.utf8.count
        _ = try node.web.namespace.perform { () throws(Errno) -> ChildProcess.Result in
            try ChildProcess.run(
                ["timeout", "3", "openssl", "s_client", "-connect", "10.77.0.2:15008", "-quiet"] + arguments,
                input: Array("PRI".utf8))
        }
        return String(decoding: Array(node.logText.utf8.dropFirst(before)), as: UTF8.self)
    }

    @Test func `each kind of stranger is refused in the handshake and the log says why`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let folder = "/dev/shm/\(node.web.netnsName)-peer"
        try FileSystem.makeDirectory(folder, mode: 0o700)
        defer {
            for file in ["peer.pem", "peer.key"] { try? FileSystem.remove("\(folder)/\(file)") }
            unsafe rmdir(folder)
        }
        let web = node.web.workload.identity.description
        let tls13 = ["-tls1_3", "-alpn", "h2"]
        let other = try LocalSigner.makeAuthority()
        let cases: [(name: String, arguments: () throws -> [String], reason: String)] = [
            ("no certificate", { tls13 }, "certificate"),
            (
                "foreign trust domain",
                { tls13 + (try Self.certify("spiffe://elsewhere/ns/a/sa/b", by: node.authority, in: folder)) },
                "trust domain"
            ),
            (
                "expired",
                { tls13 + (try Self.certify(web, by: node.authority, lasting: .seconds(-1), in: folder)) }, "expired"
            ),
            ("unknown root", { tls13 + (try Self.certify(web, by: other, in: folder)) }, "certificate"),
            (
                "TLS 1.2",
                { ["-tls1_2", "-alpn", "h2"] + (try Self.certify(web, by: node.authority, in: folder)) },
                "does not speak TLS 1.3"
            ),
            (
                "no h2",
                { ["-tls1_3", "-alpn", "http/1.1"] + (try Self.certify(web, by: node.authority, in: folder)) }, "h2"
            ),
            (
                "no protocol at all",
                { ["-tls1_3"] + (try Self.certify(web, by: node.authority, in: folder)) }, "h2"
            ),
        ]
        for stranger in cases {
            let log = try refusal(node, stranger.arguments())
            let line = log.split(separator: "\n").first { $0.contains("connection failed") } ?? ""
            #expect(line.contains(stranger.reason), "\(stranger.name): \(log)")
            #expect(line.contains("src.addr=10.77.0.1"), "\(stranger.name): \(log)")
        }
        // The innocent twin of them all gets through.
        let log = try refusal(node, tls13 + Self.certify(web, by: node.authority, in: folder))
        #expect(!log.contains("TLS handshake failed"), "\(log)")
    }

    @Test func `a source has so many tunnels and no more, until some of them are gone`() throws {
        var configuration = NodeConfiguration()
        // Whichever workers take them.
        (configuration.workerCount, configuration.sourceTunnelCountMax) = (2, 2)
        let node = try TestNode(enrolling: ["cart"], configuration: configuration)
        let endpoint = Endpoint(node.cart.address, port: 15008)
        let kept = try node.web.connect(endpoint)
        let another = try node.web.connect(endpoint)
        // Two workers take them, in no order.
        let areTaken = try eventually {
            try node.scrape().sum("istio_tcp_sockets_open", ["reporter": "destination"]) == 2 ? true : nil
        }
        #expect(areTaken == true)
        let refused = try node.web.connect(endpoint)
        #expect(throws: Errno.connectionReset) { _ = try read(refused) }
        let isTold = try eventually {
            node.logText.contains("too many tunnels at once from 10.77.0.1") ? true : nil
        }
        #expect(isTold == true)
        let isCounted = try eventually {
            try node.scrape().sum("culvert_peers_refused_total", ["reason": "too_many_tunnels"]) == 1 ? true : nil
        }
        #expect(isCounted == true)
        _ = consume kept
        let isWelcome = try eventually {
            let again = try node.web.connect(endpoint)
            usleep(100_000)
            // One that is refused has been reset by now.
            return TCPSocket.pendingError(of: again) == nil ? true : nil
        }
        #expect(isWelcome == true)
        _ = consume another
    }

    @Test func `a client that stays silent is cut off`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let client = try node.web.connect(Endpoint(node.cart.address, port: 15008))
        let started = MonotonicClock.now()
        var isClosed = false
        while !isClosed, MonotonicClock.now() - started < .seconds(20) {
            if let text = try read(client), text.isEmpty { isClosed = true }
        }
        #expect(isClosed)
        #expect(node.logText.contains("TLS handshake timed out"))
    }
}
