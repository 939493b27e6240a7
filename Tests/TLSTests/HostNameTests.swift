import Primitives
import TLS
import Testing

/// Connections to servers that are known by their host name.
struct HostNameTests {
    let mesh: Mesh
    let server: TLSContext

    init() throws {
        mesh = try Mesh()
        let template = with(mesh.template()) {
            $0.dnsNames = ["istiod.istio-system.svc", "*.example.com"]
            $0.addresses = [IPAddress(v4: 0x7f00_0001)]
        }
        let key = try PrivateKey.generateP256()
        server = try TLSContext.plainServer(chain: mesh.authority.issue(template, for: key), key: key)
    }

    private func connect(to name: String, alternatives: [String] = [], roots: [UInt8]? = nil) throws -> Pair {
        let client = try TLSContext.serverAuthenticated(roots: roots ?? mesh.authority.facts.pem)
        let pair = Pair(
            client: try TLSConnection(client: client, serverName: name, alternatives: alternatives),
            server: try TLSConnection(server: server))
        return pair.connect()
    }

    @Test(arguments: ["istiod.istio-system.svc", "ISTIOD.istio-system.svc", "a.example.com", "127.0.0.1"])
    func `a server is known by each name and address in its certificate`(name: String) throws {
        let pair = try connect(to: name)
        #expect(pair.client.failure == nil && pair.server.connection.isEstablished)
        #expect(pair.server.connection.peerIdentity == nil)
    }

    @Test(arguments: ["localhost", "a.b.example.com", "example.com", "127.0.0.2", "istiod"])
    func `a server of another name is refused`(name: String) throws {
        let pair = try connect(to: name)
        #expect(pair.client.failure == TLSFailure(.identity, "the peer's certificate is not for \(name)"))
        #expect(!pair.server.connection.isEstablished)
    }

    @Test func `an alternative name will do`() throws {
        #expect(try connect(to: "localhost", alternatives: ["istiod.istio-system.svc"]).client.failure == nil)
    }

    @Test func `a server of an unknown root is refused`() throws {
        let pair = try connect(to: "istiod.istio-system.svc", roots: Mesh("other").authority.facts.pem)
        #expect(pair.client.failure?.kind == .certificateUntrusted)
        #expect(pair.server.failure?.kind == .alertReceived(48))
    }
}
