import System
import Testing

/// Services that only their own namespace may see. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct VisibilityTests {
    private static let name = "rose.garden.svc.cluster.local"
    private static let address = "10.96.0.7"

    @Test func `a service that only its namespace may see has neither a name nor a way for the others`() throws {
        let world = try World(
            environment: ["ISTIO_META_DNS_CAPTURE": "true"], capturesDNS: true,
            pods: [.init(name: "gardener", address: "10.78.1.4", node: "n1", namespace: "garden")],
            // Who is asked for what the nodes do not know themselves; it answers everything.
            names: ["elsewhere.example.com=10.78.0.9"])
        let gardener = Json.workload("gardener", address: "10.78.1.4").replacing("shop", with: "garden")
        let rose = Json.workload("idle", address: "10.78.1.3", node: "n2", service: "rose")
            .replacing("shop/rose.shop", with: "garden/rose.garden")
        world.istiod.tell("put", Json.put("address", gardener, rose))
        world.awaitReady()
        func show(_ visibility: String) {
            let service = Json.service("rose", address: Self.address, more: ", \"visibility\": \"\(visibility)\"")
            world.istiod.tell("put", Json.put("address", service.replacing("shop", with: "garden")))
        }
        /// Whether a pod has the service by its name, and by its address.
        func has(_ pod: String) -> [Bool] {
            let answer = try? world.resolve(Self.name, from: pod)
            return [
                answer == "0 \(Self.address)\n", (try? world.call(Self.address, from: pod, seconds: 2)) == "hello\n",
            ]
        }
        for (visibility, isForWeb) in [("NAMESPACE", false), ("PUBLIC", true), ("NAMESPACE", false)] {
            show(visibility)
            #expect(world.wait { has("gardener") == [true, true] }, "\(visibility): \(world.ends)")
            #expect(world.wait { has("web") == [isForWeb, isForWeb] }, "\(visibility): \(world.ends)")
            #expect(has("gardener") == [true, true])
        }
        for (pod, isThere) in [("web", false), ("gardener", true)] {
            #expect(try (world.resolve("rose.garden", from: pod) == "0 \(Self.address)\n") == isThere, "\(pod)")
        }
        #expect(try world.resolve("rose", from: "gardener") == "0 \(Self.address)\n")
        let way = "dst.addr=\(Self.address):80"
        #expect(
            world.wait { world.lines(of: "n1").contains { $0.contains("src.workload=\"web\"") && $0.contains(way) } })
    }
}
