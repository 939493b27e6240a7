import ControlPlane
import Discovery
import Mesh
import Primitives
import RPC
import System
import Testing

/// Whom nodes believe, by the real program. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct TrustTests {
    @Test func `roots come as text, or from the store of the system, and no other will do`() throws {
        let world = try World(settings: { istiod, node in
            let path = "\(istiod.folder)/root.pem"
            guard node == "n1" else { return ["XDS_ROOT_CA": "SYSTEM", "CA_ROOT_CA": "SYSTEM", "SSL_CERT_FILE": path] }
            let text = String(decoding: (try? FileSystem.read(path)) ?? [], as: UTF8.self)
            return ["XDS_ROOT_CA": text, "CA_ROOT_CA": text]
        })
        world.awaitReady()
        // The system's own store does not hold the peer's root.
        let istiod = try Istiod()
        let stranger = try DiscoverySubject(of: istiod) { $0.trust = .system }
        #expect(stranger.turn { stranger.terminations.count > 1 })
        #expect(stranger.readyCount == 0)
        #expect(stranger.statuses.allSatisfy { $0.description.contains("certificate") }, "\(stranger.statuses)")
    }

    @Test func `a policy that is not understood denies in the data path and is refused by name`() throws {
        let world = try World()
        world.awaitReady()
        let broken =
            #"{"name": "shop/odd", "value": {"name": "odd", "namespace": "shop", "scope": "NAMESPACE", "action": 9}}"#
        world.istiod.tell("put", Json.put("policy", broken))
        #expect(world.wait { (try? world.call("10.96.0.1", seconds: 2)) != "hello\n" }, "\(world.ends)")
        #expect(world.wait { world.istiod.all("nack", "shop/odd: ").count == 2 })
        #expect(
            world.wait { world.lines(of: "n2").contains { $0.contains("shop/odd") && $0.contains("not understood") } },
            "\(world.ends)")
        // A good version takes its place.
        world.istiod.tell("put", Json.put("policy", broken.replacing("\"action\": 9", with: "\"action\": \"DENY\"")))
        #expect(world.wait { (try? world.call("10.96.0.1", seconds: 2)) == "hello\n" }, "\(world.ends)")
    }
}
