import Identity
import Primitives
import System
import TLS
import Testing

/// Peers whose certificates are revoked, by lists that the openssl program has made.
struct RevocationTests {
    let ca: RevokingAuthority
    let web: TLSCredentials
    let cart: TLSCredentials

    init() throws {
        ca = try RevokingAuthority()
        web = try ca.credentials(Mesh.web.description)
        cart = try ca.credentials(Mesh.cart.description)
    }

    /// What becomes of a handshake, the server and the client judging by these lists.
    private func shake(
        _ client: TLSCredentials, _ server: TLSCredentials, atServer: [UInt8]? = nil, atClient: [UInt8]? = nil
    ) throws -> Pair {
        try Pair(
            client: TLSConnection(
                client: .workloadClient(client, options: Self.options(atClient)), expecting: [Mesh.cart]),
            server: TLSConnection(server: .workloadServer(server, options: Self.options(atServer)))
        ).connect()
    }

    private static func options(_ lists: [UInt8]?) throws -> TLSOptions {
        var options = TLSOptions()
        options.revocations = RevocationRegister()
        if let lists { options.revocations?.adopt(try RevocationLists(lists)) }
        return options
    }

    @Test func `a revoked client is refused, and others of the same CA are not`() throws {
        let list = try ca.list(revoking: [web.leaf.pem])
        let refused = try shake(web, cart, atServer: list)
        #expect(refused.server.failure?.kind == .certificateRevoked)
        #expect(
            refused.server.failure?.message
                == "the peer's certificate was revoked by O=culvert tests: serial \(web.leaf.serialNumber)")
        #expect(refused.client.failure?.kind == .alertReceived(44))
        #expect(refused.server.connection.peerIdentity == nil)
        let other = try shake(ca.credentials(Mesh.web.description), cart, atServer: list)
        #expect(other.server.connection.isEstablished && other.client.failure == nil)
    }

    @Test func `a revoked server is refused`() throws {
        let refused = try shake(web, cart, atClient: ca.list(revoking: [cart.leaf.pem]))
        #expect(refused.client.failure?.kind == .certificateRevoked)
        #expect(refused.server.failure?.kind == .alertReceived(44))
    }

    @Test func `who has a certificate of a revoked intermediate is refused`() throws {
        let middle = try RevokingAuthority("middle", below: ca)
        let below = try middle.credentials(Mesh.web.description, under: ca)
        let lists = try ca.list(revoking: [middle.authority.facts.pem]) + middle.list(revoking: [])
        let refused = try shake(below, cart, atServer: lists)
        #expect(refused.server.failure?.kind == .certificateRevoked)
        #expect(refused.server.failure?.message.contains("issuer (at depth 1)") == true)
        #expect(try shake(below, cart, atServer: ca.list(revoking: [])).server.connection.isEstablished)
        let leaf = try shake(below, cart, atServer: middle.list(revoking: [below.leaf.pem]))
        #expect(leaf.server.failure?.kind == .certificateRevoked, "no list of the root is needed")
    }

    @Test func `an established connection is found to be revoked when a list comes`() throws {
        let pair = try shake(web, cart)
        #expect(pair.server.connection.isEstablished)
        let chain = try #require(pair.server.connection.peerChain)
        #expect(chain.revocation(by: try RevocationLists(ca.list(revoking: [cart.leaf.pem]))) == nil)
        let found = chain.revocation(by: try RevocationLists(ca.list(revoking: [web.leaf.pem])))
        #expect(found?.kind == .certificateRevoked)
        let server = try #require(pair.client.connection.peerChain)
        #expect(server.revocation(by: try RevocationLists(ca.list(revoking: [cart.leaf.pem]))) != nil)
    }

    @Test func `a list that its issuer has not signed refuses everybody of that issuer`() throws {
        let list = try ca.list(revoking: [], extensions: "")
        var forged = try ca.binary(list)
        forged[forged.count - 1] ^= 1
        let refused = try shake(web, cart, atServer: forged)
        #expect(
            refused.server.failure
                == TLSFailure(.certificateUntrusted, "no revocation list of O=culvert tests is signed by it"))
        #expect(refused.client.failure?.kind == .alertReceived(46))
        // Nothing was said about those who are there.
        let pair = try shake(web, cart)
        #expect(pair.server.connection.peerChain?.revocation(by: try RevocationLists(forged)) == nil)
        // One that is signed is enough.
        let both = try list + RevokingAuthority().list(revoking: [web.leaf.pem], extensions: "")
        #expect(try shake(web, cart, atServer: both).server.connection.isEstablished)
    }

    @Test func `a list of another CA with the same name says nothing`() throws {
        let namesake = try RevokingAuthority()
        #expect(try shake(web, cart, atServer: namesake.list(revoking: [web.leaf.pem])).server.connection.isEstablished)
        let stranger = try RevokingAuthority("somebody else")
        let list = try stranger.list(revoking: [web.leaf.pem], extensions: "")
        #expect(try shake(web, cart, atServer: list).server.connection.isEstablished)
    }

    @Test func `a list that is overdue stays in force, and is told of`() throws {
        let list = try ca.list(
            revoking: [web.leaf.pem], "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200102000000Z")
        #expect(try shake(web, cart, atServer: list).server.failure?.kind == .certificateRevoked)
        #expect(try RevocationLists(list).overdueIssuers(at: WallClock.now()) == ["O=culvert tests"])
        #expect(try RevocationLists(ca.list(revoking: [])).overdueIssuers(at: WallClock.now()) == [])
    }

    @Test func `lists are read in PEM among other blocks, in DER, and from nothing`() throws {
        let one = try ca.list(revoking: [web.leaf.pem])
        let other = try RevokingAuthority("other").list(revoking: [web.leaf.pem, cart.leaf.pem])
        let several = try RevocationLists(Array("a text\n".utf8) + one + ca.authority.facts.pem + other)
        #expect(several.listCount == 2 && several.entryCount == 3)
        #expect(try RevocationLists(ca.binary(one)).entryCount == 1)
        #expect(try RevocationLists(Array(" \n".utf8)).listCount == 0)
    }

    @Test func `what cannot be read whole is not read at all`() throws {
        let list = try ca.list(revoking: [web.leaf.pem])
        let binary = try ca.binary(list)
        for (bytes, words) in [
            (Array("nonsense".utf8), "there is none"), (ca.authority.facts.pem, "there is none"),
            (Array(list.dropLast(40)), "revocation lists: "), (list + list.dropLast(40), "revocation lists: "),
            (Array(binary.dropLast()), "revocation lists: "),
            ([UInt8](repeating: 0x20, count: Limits.revocationByteCountMax + 1), "more than"),
        ] {
            let failure = #expect(throws: TLSFailure.self) { try RevocationLists(bytes) }
            #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "") is to say \(words)")
        }
    }

    @Test(arguments: [
        "2.5.29.27=critical,DER:02:01:01", "1.2.3.4=critical,DER:05:00",
        "2.5.29.28=critical,DER:30:03:84:01:FF", "2.5.29.28=critical,DER:04:00",
    ])
    func `a list that does not speak for itself is refused`(extensions: String) throws {
        let list = try ca.list(revoking: [], extensions: extensions)
        let failure = #expect(throws: TLSFailure.self) { try RevocationLists(list) }
        #expect(failure?.message.contains("O=culvert tests: a delta") == true, "\(failure?.message ?? "")")
    }
}
