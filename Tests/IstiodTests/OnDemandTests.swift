import Discovery
import Mesh
import Primitives
import System
import Testing

/// A control plane that tells on demand.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct OnDemandTests {
    private func uid(_ name: String) -> String { "Kubernetes//Pod/shop/\(name)" }
    private let web = Workload(uid: "web", name: "web", namespace: "shop")

    private func learn(
        _ node: DiscoverySubject, _ names: [String], within limit: Duration = .seconds(5)
    ) -> Bool? {
        var result: Bool?
        node.client.learn(names, within: limit) { result = $0 }
        node.turn { result != nil }
        return result
    }

    @Test(arguments: ["requested", "own"]) func `an address is asked for once, under whichever name it comes`(
        naming: String
    ) throws {
        let istiod = try Istiod()
        istiod.tell("name by", "\"naming\": \"\(naming)\"")
        istiod.tell(
            "put",
            Json.put(
                "address", Json.workload("own", address: "10.1.0.1", node: "n1", aliases: ["/10.1.0.1"]),
                Json.workload(
                    "cart", address: "10.1.0.2", node: "n2", service: "cart",
                    aliases: ["/10.1.0.2", "shop/cart.shop.svc.cluster.local"]),
                Json.service("cart", address: "10.96.0.1", aliases: ["/10.96.0.1"]),
                Json.workload("other", address: "10.1.0.3", node: "n2", aliases: ["/10.1.0.3"])))
        let node = try DiscoverySubject(of: istiod, onDemand: true)
        #expect(node.turn { istiod.count("ack") == 2 })
        let first = try #require(istiod.all("request", "\"type\": \"address\"").first)
        #expect(first.contains("\"resource_names_subscribe\": [\"*\"], \"resource_names_unsubscribe\": [\"*\"]"))
        #expect(istiod.all("request", "\"type\": \"policy\"").first?.contains("resource_names") == false)
        #expect(node.readyCount == 1)
        // The node's own pod comes unasked.
        #expect(node.state.workloadCount == 1)

        let vip = try #require(IPAddress("10.96.0.1"))
        #expect(node.state.unknownNames(onTheWayTo: vip, from: web) == ["/10.96.0.1"])
        #expect(learn(node, ["/10.96.0.1"]) == true)
        #expect(node.state.unknownNames(onTheWayTo: vip, from: web).isEmpty)
        #expect(node.state.workload(uid: uid("cart")) != nil, "a service comes with its pods")
        #expect(learn(node, ["/10.1.0.3"]) == true)
        #expect(istiod.all("request", "resource_names_subscribe", "/10.1.0.3").count == 1)
        #expect(node.state.workloadCount == 3)

        // What is held is said on the next stream, and what changes or goes is told without a question.
        istiod.tell("end")
        #expect(node.turn { istiod.all("request", "initial_resource_versions").count >= 1 })
        let names = String(istiod.all("request", "initial_resource_versions").first ?? "")
        #expect(names.contains(naming == "own" ? uid("other") : "/10.1.0.3"))
        istiod.tell(
            "put", Json.put("address", Json.workload("other", address: "10.1.0.9", node: "n2", aliases: ["/10.1.0.3"])))
        #expect(node.turn { node.state.workload(uid: uid("other"))?.addresses.first?.description == "10.1.0.9" })
    }

    @Test func `what there is not is remembered, and who is not answered does not wait for ever`() throws {
        let istiod = try Istiod()
        let node = try DiscoverySubject(of: istiod, onDemand: true)
        #expect(node.turn { node.readyCount == 1 })
        for _ in 0..<3 { #expect(learn(node, ["/10.9.9.9"]) == true) }
        #expect(istiod.all("request", "/10.9.9.9").count == 1)
        #expect(node.state.workloadCount == 0)
        // It appears later.
        istiod.tell(
            "put", Json.put("address", Json.workload("late", address: "10.9.9.9", node: "n2", aliases: ["/10.9.9.9"])))
        #expect(node.turn { node.state.workloadCount == 1 })

        istiod.tell("name by", #""naming": "none""#)
        #expect(learn(node, ["/10.9.9.8"], within: .milliseconds(300)) == false)
        // Two who ask for the same: one question, and both hear of the answer.
        var answers: [Bool] = []
        for _ in 0..<2 { node.client.learn(["/10.9.9.7", "shop/x.shop.svc.cluster.local"]) { answers.append($0) } }
        #expect(node.turn { istiod.all("request", "/10.9.9.7").count == 1 })
        istiod.tell("name by", #""naming": "requested""#)
        // The next stream asks again for what was not answered.
        istiod.tell("end")
        #expect(node.turn { answers == [true, true] })
        #expect(istiod.all("request", "initial_resource_versions", "\"/10.9.9.7\": \"\"").count == 1)
        // Without a control plane an old answer is as good as any.
        istiod.kill()
        #expect(node.turn { !node.client.isConnected })
        #expect(learn(node, ["/10.9.9.7"]) == true)
        #expect(learn(node, ["/10.9.9.6"], within: .milliseconds(300)) == false)
    }

    @Test func `waypoints are asked for by address and by name`() throws {
        let istiod = try Istiod()
        let byAddress = #", "waypoint": {"address": {"address": "10.1.0.50"}, "hboneMtlsPort": 15008}"#
        let name = #"{"namespace": "shop", "hostname": "way.shop.svc.cluster.local"}"#
        let byName = ", \"waypoint\": {\"hostname\": \(name), \"hboneMtlsPort\": 15008}"
        istiod.tell(
            "put",
            Json.put(
                "address", Json.service("one", address: "10.96.0.1", aliases: ["/10.96.0.1"], more: byAddress),
                Json.service("two", address: "10.96.0.2", aliases: ["/10.96.0.2"], more: byName),
                Json.service("way", address: "10.96.0.3", aliases: ["/10.96.0.3"])))
        let node = try DiscoverySubject(of: istiod, onDemand: true)
        #expect(node.turn { node.readyCount == 1 })
        #expect(learn(node, ["/10.96.0.1", "/10.96.0.2"]) == true)
        let one = try #require(IPAddress("10.96.0.1"))
        let two = try #require(IPAddress("10.96.0.2"))
        #expect(node.state.unknownNames(onTheWayTo: one, from: web) == ["/10.1.0.50"])
        #expect(node.state.unknownNames(onTheWayTo: two, from: web) == ["shop/way.shop.svc.cluster.local"])
        #expect(learn(node, ["shop/way.shop.svc.cluster.local"]) == true)
        #expect(node.state.unknownNames(onTheWayTo: two, from: web).isEmpty)
    }

    @Test func `a name that a pod asks for is asked of the control plane, once, and answered`() throws {
        let world = try World(
            environment: [
                "XDS_ON_DEMAND": "true", "ISTIO_META_DNS_CAPTURE": "true", "UNSTABLE_ENABLE_SOCKS5": "true",
            ], capturesDNS: true)
        #expect(world.wait { world.istiod.count("enrolment") >= 3 }, "\(world.ends)")
        func questions(_ service: String) -> Int {
            world.istiod.all("request", "\"shop/\(service).shop.svc.cluster.local\"").count
        }
        world.istiod.tell("put", Json.put("address", Json.service("side", address: "10.96.0.8")))
        #expect(questions("side") == 0)
        // Its short name, in the namespace of the pod that asks, and its own.
        let name = "side.shop.svc.cluster.local"
        for asked in ["side", "side.shop", name] {
            #expect(try world.resolve(asked) == "0 10.96.0.8\n", "\(world.ends)")
        }
        #expect(questions("side") == 1)
        // So is one that a SOCKS client names.
        #expect(try world.callBySOCKS("cart.shop.svc.cluster.local") == "hello\n", "\(world.ends)")
        #expect(questions("cart") == 1)
        #expect(try world.call("10.96.0.1") == "hello\n", "\(world.ends)")
        #expect(world.istiod.all("request", "\"/10.96.0.1\"").isEmpty, "what the name led to is known")
        // One who is not there is asked for once, though two ask at a time, until he appears.
        for _ in 0..<2 { #expect(try !world.resolve("late.shop", seconds: 1).hasPrefix("0")) }
        #expect(questions("late") == 1)
        world.istiod.tell("put", Json.put("address", Json.service("late", address: "10.96.0.7")))
        #expect(world.wait { (try? world.resolve("late.shop")) == "0 10.96.0.7\n" }, "\(world.ends)")
        // While nobody answers, what is known is answered at once, and others within the bound.
        world.istiod.freeze()
        let start = MonotonicClock.now()
        #expect(try world.resolve(name) == "0 10.96.0.8\n")
        #expect(MonotonicClock.now() - start < .seconds(2))
        world.istiod.thaw()
    }

    @Test func `a node that is told on demand reaches services, pods and strangers`() throws {
        let world = try World(environment: ["XDS_ON_DEMAND": "true", "ISTIO_META_DNS_CAPTURE": "true"])
        world.awaitReady()
        #expect(try world.call("10.96.0.1") == "hello\n", "\(world.ends)")
        #expect(world.istiod.all("request", "\"/10.96.0.1\"").count == 1)
        let tunnels = world.lines(of: "n2").filter { $0.contains("spiffe://cluster.local/ns/shop/sa/web") }
        #expect(!tunnels.isEmpty, "plain TCP: \(world.ends)")
        #expect(try world.call("10.78.1.2", 8080) == "hello\n", "\(world.ends)")
        // The control plane's own address is a stranger's: it is asked for once, then passed to in plain TCP.
        for _ in 0..<3 { _ = try world.call(World.controlPlane, 9, seconds: 1) }
        #expect(world.istiod.all("request", "\"/\(World.controlPlane)\"").count == 1)
        // One who is not known while nobody answers is not guessed at.
        world.istiod.freeze()
        let start = MonotonicClock.now()
        _ = try world.call("10.78.1.3", 8080)
        #expect(MonotonicClock.now() - start < .seconds(8))
        #expect(world.lines(of: "n1").contains { $0.contains("the control plane did not say what") }, "\(world.ends)")
        world.istiod.thaw()
    }
}
