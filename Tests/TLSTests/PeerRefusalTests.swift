import Identity
import Primitives
import System
import TLS
import Testing

/// Who gets no further than the handshake, with the reason for our log and the alert for the peer.
struct PeerRefusalTests {
    let mesh: Mesh
    let cart: TLSCredentials

    init() throws {
        mesh = try Mesh()
        cart = try mesh.credentials(Mesh.cart)
    }

    /// Expects the server to refuse a client with these credentials.
    private func expectRefused(
        client: TLSCredentials, _ kind: TLSFailure.Kind, alert: UInt8, reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let pair = try Pair(client: client, server: cart).connect()
        #expect(pair.server.failure?.kind == kind, sourceLocation: sourceLocation)
        #expect(pair.server.failure?.message == reason, sourceLocation: sourceLocation)
        #expect(!pair.server.connection.isEstablished, sourceLocation: sourceLocation)
        #expect(pair.server.connection.peerIdentity == nil, sourceLocation: sourceLocation)
        #expect(pair.client.failure?.kind == .alertReceived(alert), sourceLocation: sourceLocation)
    }

    /// Expects the client to refuse a server with these credentials.
    private func expectRefused(
        server: TLSCredentials, expecting: [SPIFFEID] = [Mesh.cart], _ kind: TLSFailure.Kind, alert: UInt8,
        reason: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let pair = try Pair(client: mesh.credentials(Mesh.web), server: server, expecting: expecting).connect()
        #expect(pair.client.failure?.kind == kind, sourceLocation: sourceLocation)
        #expect(pair.client.failure?.message == reason, sourceLocation: sourceLocation)
        #expect(!pair.client.connection.isEstablished, sourceLocation: sourceLocation)
        #expect(pair.server.failure?.kind == .alertReceived(alert), sourceLocation: sourceLocation)
    }

    @Test func `a client without a certificate`() throws {
        let context = try TLSContext.serverAuthenticated(roots: mesh.authority.facts.pem)
        let template = with(mesh.template(Mesh.cart.description)) { $0.dnsNames = ["cart"] }
        let pair = Pair(
            client: try TLSConnection(client: context, serverName: "cart"),
            server: try TLSConnection(server: .workloadServer(mesh.credentials(template))))
        pair.connect()
        #expect(pair.server.failure == TLSFailure(.certificateMissing, "the peer sent no certificate"))
        #expect(pair.client.failure?.kind == .alertReceived(116))
    }

    @Test func `a client of a foreign trust domain`() throws {
        try expectRefused(
            client: mesh.credentials(Mesh.stranger), .identity, alert: 46,
            reason: "trust domain elsewhere is not ours (cluster.local)")
    }

    @Test(arguments: [
        [], ["https://example.com/x"], ["spiffe://cluster.local/web"], ["spiffe://cluster.local/ns/shop/sa/web/x"],
    ])
    func `a client whose certificate names no identity`(uris: [String]) throws {
        let template = with(mesh.template()) {
            $0.uris = uris
            $0.dnsNames = ["web.shop"]
        }
        try expectRefused(
            client: mesh.credentials(template), .identity, alert: 46,
            reason: "the peer's certificate holds no SPIFFE identity")
    }

    @Test func `a client whose certificate has expired`() throws {
        let template = with(mesh.template(Mesh.web.description)) { $0.notAfter = mesh.seconds(-5) }
        try expectRefused(
            client: mesh.credentials(template), .certificateDates, alert: 45,
            reason: "the peer's certificate has expired")
    }

    @Test func `a client whose certificate is not valid yet`() throws {
        let template = with(mesh.template(Mesh.web.description)) { $0.notBefore = mesh.seconds(60) }
        try expectRefused(
            client: mesh.credentials(template), .certificateDates, alert: 45,
            reason: "the peer's certificate is not valid yet")
    }

    @Test func `a client whose certificate is for servers only`() throws {
        let template = with(mesh.template(Mesh.web.description)) { $0.usages = [.serverAuthentication] }
        try expectRefused(
            client: mesh.credentials(template), .certificateUsage, alert: 43,
            reason: "the peer's certificate is not made for this use")
    }

    @Test func `a client that shows a CA's certificate`() throws {
        let template = with(mesh.template(Mesh.web.description)) { $0.isAuthority = true }
        try expectRefused(
            client: mesh.credentials(template), .certificateUsage, alert: 46, reason: "the peer's certificate is a CA's"
        )
    }

    @Test func `a client of an unknown root`() throws {
        let other = try Mesh("other")
        try expectRefused(
            client: other.credentials(other.template(Mesh.web.description), roots: mesh.authority.facts.pem),
            .certificateUntrusted, alert: 48, reason: "the peer's certificate does not lead to one of our roots")
    }

    @Test func `a client that leaves its intermediate out`() throws {
        let key = try PrivateKey.generateP256()
        let leaf = try mesh.intermediate().issue(mesh.template(Mesh.web.description), for: key)
        try expectRefused(
            client: TLSCredentials(chain: leaf, key: key, roots: mesh.authority.facts.pem), .certificateUntrusted,
            alert: 48, reason: "the peer's certificate does not lead to one of our roots")
    }

    @Test func `a server of another identity`() throws {
        try expectRefused(
            server: mesh.credentials(Mesh.web), .identity, alert: 46,
            reason: "identity \(Mesh.web) is not among the expected (\(Mesh.cart))")
    }

    @Test func `a server of the expected name in another trust domain`() throws {
        try expectRefused(
            server: mesh.credentials(Mesh.stranger), .identity, alert: 46,
            reason: "identity \(Mesh.stranger) is not among the expected (\(Mesh.cart))")
    }

    @Test func `any server when none is expected`() throws {
        try expectRefused(
            server: cart, expecting: [], .identity, alert: 46,
            reason: "identity \(Mesh.cart) is not among the expected (none)")
    }

    @Test func `a server whose certificate is for clients only`() throws {
        let template = with(mesh.template(Mesh.cart.description)) { $0.usages = [.clientAuthentication] }
        try expectRefused(
            server: mesh.credentials(template), .certificateUsage, alert: 43,
            reason: "the peer's certificate is not made for this use")
    }

    @Test func `a server whose certificate has expired`() throws {
        let template = with(mesh.template(Mesh.cart.description)) { $0.notAfter = mesh.seconds(-5) }
        try expectRefused(
            server: mesh.credentials(template), .certificateDates, alert: 45,
            reason: "the peer's certificate has expired")
    }

    @Test func `peers that share no suite`() throws {
        var options = TLSOptions()
        options.cipherSuites = [.aes128GCM]
        let client = try TLSContext.workloadClient(mesh.credentials(Mesh.web), options: options)
        options.cipherSuites = [.aes256GCM]
        let pair = Pair(
            client: try TLSConnection(client: client, expecting: [Mesh.cart]),
            server: try TLSConnection(server: .workloadServer(cart, options: options)))
        pair.connect()
        #expect(pair.server.failure?.kind == .protocolViolation)
        #expect(pair.client.failure?.kind == .alertReceived(40))
    }
}

/// Who is let in although the certificate is unusual.
struct PeerAcceptanceTests {
    let mesh: Mesh

    init() throws { mesh = try Mesh() }

    private func expectAccepted(
        client: TLSCredentials, server: TLSCredentials, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Pair {
        let pair = try Pair(client: client, server: server).connect()
        #expect(pair.client.failure == nil && pair.server.failure == nil, sourceLocation: sourceLocation)
        #expect(pair.server.connection.isEstablished, sourceLocation: sourceLocation)
        return pair
    }

    @Test func `a second name in our trust domain suffices, and the first is who the client is`() throws {
        let client = try mesh.credentials(mesh.template(Mesh.stranger.description, Mesh.web.description))
        let pair = try expectAccepted(client: client, server: mesh.credentials(Mesh.cart))
        #expect(pair.server.connection.peerIdentity == Mesh.stranger)
    }

    @Test func `a second name that is expected suffices for a server`() throws {
        let names = mesh.template("https://example.com", Mesh.web.description, Mesh.cart.description)
        let server = try mesh.credentials(names)
        let pair = try expectAccepted(client: mesh.credentials(Mesh.web), server: server)
        #expect(pair.client.connection.peerIdentity == Mesh.web)
    }

    @Test func `a client with an RSA key, issued by a CA with another kind of key`() throws {
        let arguments = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        let key = try PrivateKey(pem: ChildProcess.run(arguments).output)
        let leaf = try mesh.authority.issue(mesh.template(Mesh.web.description), for: key)
        let client = try TLSCredentials(chain: leaf, key: key, roots: mesh.authority.facts.pem)
        _ = try expectAccepted(client: client, server: mesh.credentials(Mesh.cart))
    }

    @Test(arguments: [[], [CertificateTemplate.Usage.clientAuthentication]])
    func `a client whose certificate is for clients, or for anything`(usages: [CertificateTemplate.Usage]) throws {
        let template = with(mesh.template(Mesh.web.description)) { $0.usages = usages }
        _ = try expectAccepted(client: mesh.credentials(template), server: mesh.credentials(Mesh.cart))
    }

    @Test func `a chain through an intermediate`() throws {
        let intermediate = try mesh.intermediate()
        let key = try PrivateKey.generateP256()
        let leaf = try intermediate.issue(mesh.template(Mesh.web.description), for: key)
        let client = try TLSCredentials(
            chain: leaf + intermediate.facts.pem, key: key, roots: mesh.authority.facts.pem)
        _ = try expectAccepted(client: client, server: mesh.credentials(Mesh.cart))
    }

    @Test func `one of several roots, behind a broken one`() throws {
        let broken = Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
        let roots = try Mesh("other").authority.facts.pem + broken + mesh.authority.facts.pem
        let server = try mesh.credentials(mesh.template(Mesh.cart.description), roots: roots)
        #expect(server.roots.count == 2 && server.skippedRootCount == 1)
        _ = try expectAccepted(client: mesh.credentials(Mesh.web), server: server)
    }

    @Test func `any trust domain, where our own certificate names no identity`() throws {
        let server = try mesh.credentials(mesh.template("https://example.com", Mesh.cart.description))
        _ = try expectAccepted(client: mesh.credentials(Mesh.stranger), server: server)
    }
}

func with<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
    var changed = value
    change(&changed)
    return changed
}
