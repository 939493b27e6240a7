import Glibc
import Identity
import Primitives
import System
import TLS
import Testing

/// The same rules with a TLS implementation that is not driven by us: the `openssl` program.
@Suite(.serialized) struct OpenSSLPeerTests {
    let mesh: Mesh
    let cart: TLSCredentials
    let program: OpenSSLProgram

    init() throws {
        mesh = try Mesh()
        cart = try mesh.credentials(Mesh.cart)
        let key = try PrivateKey.generateP256()
        let chain = try mesh.authority.issue(mesh.template(Mesh.web.description), for: key)
        program = try OpenSSLProgram(TLSCredentials(chain: chain, key: key, roots: mesh.authority.facts.pem), key: key)
    }

    /// Starts `s_client` against our server.
    private func accept(
        _ arguments: [String], inputs: [String] = [], options: TLSOptions = TLSOptions()
    ) throws -> Link {
        let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        let local = TCPSocket.localEndpoint(of: listener)
        let port = try #require(local).port
        try program.start(
            ["s_client", "-connect", "127.0.0.1:\(port)"] + program.roots + arguments, inputs: inputs)
        for _ in 0..<5_000 {
            if let accepted = try TCPSocket.accept(listener) {
                let context = try TLSContext.workloadServer(cart, options: options)
                return Link(socket: accepted.take(), end: End(try TLSConnection(server: context)))
            }
            usleep(1_000)
        }
        throw Errno.timedOut
    }

    private func expectRefused(
        _ arguments: [String], _ failure: TLSFailure, alert: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let link = try accept(arguments)
        #expect(try link.run { link.end.failure != nil }, sourceLocation: sourceLocation)
        #expect(link.end.failure == failure, sourceLocation: sourceLocation)
        for _ in 0..<3_000 where !program.output.contains(alert) { usleep(1_000) }
        #expect(program.output.contains(alert), sourceLocation: sourceLocation)
    }

    @Test func `a client with the right certificate and h2 exchanges data`() throws {
        let link = try accept(program.identification + ["-alpn", "h2", "-quiet"], inputs: ["ping"])
        #expect(try link.run { link.end.received == Array("ping".utf8) })
        #expect(link.end.connection.peerIdentity == Mesh.web)
        link.end.send(Array("pong".utf8))
        let program = program
        #expect(try link.run { program.output.contains("pong") })
    }

    @Test func `a client's key updates are followed`() throws {
        let link = try accept(
            program.identification + ["-alpn", "h2"], inputs: ["one\\n", "K\\n", "two\\n", "k\\n", "three\\n"])
        #expect(try link.run { link.end.received == Array("one\ntwo\nthree\n".utf8) })
        link.end.send(Array("answer".utf8))
        let program = program
        #expect(try link.run { program.output.contains("answer") })
        #expect(link.end.failure == nil)
    }

    /// A client of one compliance policy, and what it agrees on.
    private func agreed(_ compliance: CompliancePolicy?, _ arguments: [String]) throws -> String? {
        var options = TLSOptions()
        options.compliance = compliance
        let link = try accept(program.identification + ["-alpn", "h2"] + arguments, options: options)
        guard try link.run(until: { link.end.failure != nil || link.end.connection.isEstablished }),
            link.end.failure == nil
        else { return nil }
        let words = "Negotiated TLS1.3 group: "
        for _ in 0..<3_000 {
            let lines = program.output.split(separator: "\n")
            if let line = lines.first(where: { $0.hasPrefix(words) }) { return String(line.dropFirst(words.count)) }
            usleep(1_000)
        }
        return "nothing"
    }

    @Test func `a client that can do both agrees on the post-quantum group`() throws {
        #expect(try agreed(nil, []) == "X25519MLKEM768")
    }

    @Test(arguments: ["X25519", "P-256:P-384"])
    func `a post-quantum node agrees on nothing else`(groups: String) throws {
        #expect(try agreed(.postQuantum, ["-groups", "\(groups):X25519MLKEM768"]) == "X25519MLKEM768")
        #expect(try agreed(.postQuantum, ["-groups", groups]) == nil)
    }

    @Test(arguments: ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"])
    func `a client of TLS 1_2 is served where that is set, by its suites`(suite: String) throws {
        var options = TLSOptions()
        options.acceptsTLS12 = true
        options.recordsPerKey = 4
        let link = try accept(
            program.identification + ["-tls1_2", "-alpn", "h2", "-cipher", suite, "-quiet"], inputs: ["ping"],
            options: options)
        #expect(try link.run { link.end.received == Array("ping".utf8) })
        #expect(link.end.connection.peerIdentity == Mesh.web)
        for _ in 0..<8 { link.end.send(Array("pong".utf8)) }
        let program = program
        #expect(try link.run { program.output.contains("pongpong") })
        #expect(link.end.connection.keyUpdateCount == 0)
    }

    @Test func `a client of TLS 1_2 with a suite that is not ours is refused, and none may renegotiate`() throws {
        var options = TLSOptions()
        options.acceptsTLS12 = true
        let weak = try accept(
            program.identification + ["-tls1_2", "-alpn", "h2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"],
            options: options)
        #expect(try weak.run { weak.end.failure != nil })
        let link = try accept(
            program.identification + ["-tls1_2", "-alpn", "h2"], inputs: ["one\\n", "R\\n", "two\\n"],
            options: options)
        #expect(try link.run { link.end.received == Array("one\n".utf8) })
        let program = program
        #expect(try link.run { program.output.contains("no renegotiation") })
    }

    @Test(arguments: ["P-256", "P-384", "X25519"])
    func `a client of any one group of the contract is served`(group: String) throws {
        let link = try accept(program.identification + ["-alpn", "h2", "-groups", group, "-quiet"], inputs: ["ping"])
        #expect(try link.run { link.end.received == Array("ping".utf8) })
    }

    @Test func `a client of TLS 1_2`() throws {
        try expectRefused(
            program.identification + ["-tls1_2", "-alpn", "h2"],
            TLSFailure(.protocolVersion, "the peer does not speak TLS 1.3"), alert: "alert number 70")
    }

    @Test func `a client without a certificate`() throws {
        try expectRefused(
            ["-alpn", "h2"], TLSFailure(.certificateMissing, "the peer sent no certificate"), alert: "alert number 116")
    }

    @Test func `a client that offers no protocol`() throws {
        try expectRefused(
            program.identification, TLSFailure(.applicationProtocol, "the peer does not negotiate h2"),
            alert: "alert number 120")
    }

    @Test func `a client that offers other protocols only`() throws {
        try expectRefused(
            program.identification + ["-alpn", "http/1.1,h3"],
            TLSFailure(.applicationProtocol, "the peer offers no h2"), alert: "alert number 120")
    }

    @Test func `a client without protocols is served where the options accept that`() throws {
        var options = TLSOptions()
        options.acceptsAbsentProtocol = true
        let link = try accept(program.identification + ["-quiet"], inputs: ["ping"], options: options)
        #expect(try link.run { link.end.received == Array("ping".utf8) })
        #expect(!link.end.connection.hasNegotiatedHTTP2)
    }

    @Test func `a client of no common group`() throws {
        let link = try accept(program.identification + ["-alpn", "h2", "-groups", "X448"])
        #expect(try link.run { link.end.failure != nil })
        for _ in 0..<3_000 where !program.output.contains("alert number 40") { usleep(1_000) }
        #expect(program.output.contains("alert number 40"))
    }

    /// Starts `s_server`, which sends each line back reversed, and connects to it.
    private func connect(_ arguments: [String], expecting: [SPIFFEID]) throws -> Link {
        let probe = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        let local = TCPSocket.localEndpoint(of: probe)
        let endpoint = try #require(local)
        _ = consume probe
        try program.start(
            ["s_server", "-accept", "\(endpoint)", "-naccept", "1", "-rev"] + program.identification + arguments)
        for _ in 0..<5_000 where !program.output.contains("ACCEPT") { usleep(1_000) }
        let context = try TLSContext.workloadClient(mesh.credentials(Mesh.cart))
        let end = End(try TLSConnection(client: context, expecting: expecting))
        let socket = try TCPSocket.connect(to: endpoint)
        usleep(50_000)
        end.start()
        return Link(socket: socket, end: end)
    }

    @Test func `a server with the expected identity exchanges data`() throws {
        let link = try connect(program.roots + ["-Verify", "2", "-alpn", "h2"], expecting: [Mesh.web])
        #expect(try link.run { link.end.connection.isEstablished })
        link.end.send(Array("culvert\n".utf8))
        #expect(try link.run { link.end.received == Array("trevluc\n".utf8) })
    }

    @Test func `a server that selects no protocol is refused`() throws {
        let link = try connect([], expecting: [Mesh.web])
        #expect(try link.run { link.end.failure != nil })
        #expect(link.end.failure == TLSFailure(.applicationProtocol, "the peer does not negotiate h2"))
    }

    @Test func `a server of TLS 1_2 is refused`() throws {
        let link = try connect(["-tls1_2", "-alpn", "h2"], expecting: [Mesh.web])
        #expect(try link.run { link.end.failure != nil })
        #expect(link.end.failure?.kind == .protocolVersion || link.end.failure?.kind == .alertReceived(70))
    }
}
