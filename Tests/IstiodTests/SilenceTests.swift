import ControlPlane
import Discovery
import Mesh
import Primitives
import RPC
import System
import Testing

/// Streams that have died without a word, in the times that are in force. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct SilenceTests {
    @Test func `a frozen peer and one whose packets are lost are found within thirty seconds, and told from then on`()
        throws
    {
        // One peer is stopped, its connections open; of the other, what it sends to one of its two nodes is dropped.
        let frozen = try Istiod()
        let subject = try DiscoverySubject(of: frozen) { $0.timing = RPCTiming() }
        #expect(subject.turn { frozen.count("ack") == 2 })
        let world = try World()
        world.awaitReady()
        let start = MonotonicClock.now()
        frozen.freeze()
        try world.lose("n1", true)
        let silence = "the peer does not answer pings"
        var found: Duration?
        let areBothFound = subject.turn(atMost: .seconds(32)) {
            if found == nil, !subject.terminations.isEmpty { found = MonotonicClock.now() - start }
            return found != nil && world.lines(of: "n1").contains { $0.contains(silence) }
        }
        #expect(areBothFound && MonotonicClock.now() - start < .seconds(30), "\(world.ends)")
        #expect(subject.terminations.first == .complete && subject.statuses.first?.message == silence)
        #expect(world.lines(of: "n2").allSatisfy { !$0.contains(silence) }, "its peer is alive and well")

        frozen.thaw()
        try world.lose("n1", false)
        frozen.tell("put", Json.put("address", Json.workload("late", address: "10.1.0.3")))
        world.istiod.tell("put", Json.put("address", Json.workload("late", address: "10.78.1.9", node: "n3")))
        #expect(subject.turn(atMost: .seconds(20)) { subject.state.workloadCount == 1 })
        let name = "Kubernetes//Pod/shop/cart"
        #expect(
            world.wait { world.istiod.all("request", "initial_resource_versions", name, "\"n1\"").count == 1 },
            "\(world.ends)")
    }
}
