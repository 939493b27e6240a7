import Glibc
import Primitives
import System
import Testing

/// Certificates that are revoked while traffic goes on, by lists that Python's cryptography has made. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct RevocationTests {
    /// Which node learns of the revocation, and whom it is about.
    enum Side: CaseIterable {
        case server, client

        var node: String { self == .server ? "n2" : "n1" }
        var revoked: String { self == .server ? "web" : "cart" }
        var reporter: String { self == .server ? "destination" : "source" }
    }

    @Test(arguments: Side.allCases)
    func `who is revoked loses its tunnels at once and gets no new ones, and others are left alone`(side: Side) throws {
        let world = try World(environment: ["POOL_UNUSED_RELEASE_TIMEOUT": "60s"])
        world.awaitReady()
        let traffic = try world.startTraffic()
        let other = try world.startTraffic(to: "10.78.1.3 8080")
        #expect(world.wait { (try? world.metrics(of: side.node).contains("sockets_open")) == true })
        usleep(1_000_000)
        let before = MonotonicClock.now()
        let path = world.revocations(of: side.node)
        world.istiod.tell(
            "revoke", "\"identity\": \"spiffe://cluster.local/ns/shop/sa/\(side.revoked)\", \"path\": \"\(path)\"")
        #expect(world.wait { world.lines(of: side.node).contains { $0.contains("peer certificate revoked") } })
        #expect(MonotonicClock.now() - before < .seconds(2))
        #expect(try world.call("10.96.0.1") != "hello\n", "\(world.ends)")
        let result = try traffic.stop()
        // All eight that lasted were cut off.
        #expect(result.contains("lasting") && !result.contains("\"failed\": 0,"), "\(result)")
        let log = world.lines(of: side.node)
        let complete = log.filter { $0.contains("connection complete") && $0.contains("was revoked by") }
        #expect(complete.count >= 8, "\(world.ends)")
        let metrics = try world.metrics(of: side.node)
        #expect(metrics.contains("istio_crl_policy_rejections_total{reporter=\"\(side.reporter)\"}"), "\(metrics)")
        #expect(metrics.split(separator: "\n").contains { $0.contains("CERT_REVOKED") && $0.contains("closed_total") })
        let rest = try other.stop()
        if side == .client {
            #expect(rest.contains("\"failed\": 0,"), "\(rest)")
        } else {
            // It is the caller that is revoked, whomever it calls.
            #expect(!rest.contains("\"failed\": 0,"), "\(rest)")
        }
    }

    @Test func `who has its certificate from an intermediate that is revoked is cut off`() throws {
        let world = try World(authority: #", "sign": "a/1""#, environment: ["POOL_UNUSED_RELEASE_TIMEOUT": "60s"])
        world.awaitReady()
        let traffic = try world.startTraffic()
        usleep(500_000)
        world.istiod.tell("revoke issuer", "\"name\": \"a/1\", \"path\": \"\(world.revocations(of: "n2"))\"")
        #expect(
            world.wait { world.lines(of: "n2").contains { $0.contains("the peer's issuer (at depth 1) was revoked") } })
        #expect(try world.call("10.96.0.1") != "hello\n", "\(world.ends)")
        #expect(try !traffic.stop().contains("\"failed\": 0,"))
    }
}
