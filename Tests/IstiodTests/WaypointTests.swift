import Glibc
import System
import Testing

/// Calls by way of a waypoint that is Envoy, which comes and goes. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct WaypointTests {
    /// What a waypoint is attached to.
    enum Target: CaseIterable {
        case service, workload

        var address: String { self == .service ? "10.96.0.1:80" : "10.78.1.2:8080" }
    }

    private let world: World
    private let envoy: Envoy

    init() throws {
        world = try World(pods: [
            .init(name: "waypoint", address: "10.78.1.7"), .init(name: "stranger", address: "10.78.1.8"),
            .init(name: "canary", address: "10.78.1.6"),
        ])
        envoy = try Self.envoy("waypoint", of: world)
        world.istiod.tell(
            "put", Json.put("address", Json.workload("waypoint", address: "10.78.1.7", node: "")))
        world.awaitReady()
    }

    /// A waypoint of cart, in the pod of this name.
    private static func envoy(_ name: String, of world: World) throws -> Envoy {
        let authorities = Target.allCases.flatMap { ["--authority", $0.address] }
        return try Envoy(
            ["waypoint", "--peer", "10.78.1.2:15008", "--target", "10.78.1.2:8080"] + authorities, in: name,
            as: name, of: world)
    }

    /// Attaches a waypoint, or takes it away.
    private func attach(_ waypoint: String?, to target: Target = .service, policy: String? = nil) {
        let way = waypoint.map { ", \"waypoint\": {\($0), \"hboneMtlsPort\": 15008}" } ?? ""
        let policies = policy.map { ", \"authorizationPolicies\": [\"\($0)\"]" } ?? ""
        let cart = Json.workload(
            "cart", address: "10.78.1.2", node: "n2", service: "cart",
            more: policies + (target == .workload ? way : ""))
        let service = Json.service("cart", address: "10.96.0.1", more: target == .service ? way : "")
        world.istiod.tell("put", Json.put("address", cart, service))
    }

    private static let known = #""address": {"address": "10.78.1.7"}"#

    /// Whether calls come to go by the waypoint, or not to.
    private func settles(byWaypoint isExpected: Bool, _ target: Target = .service) -> Bool {
        let words = target.address.split(separator: ":")
        return world.wait {
            let before = envoy.requestCount
            let answers = (0..<3).map { _ in try? world.call(String(words[0]), Int(words[1]) ?? 0) }
            return answers.allSatisfy { $0 == "hello\n" } && (envoy.requestCount > before) == isExpected
        }
    }

    @Test(arguments: Target.allCases)
    func `a waypoint that is attached and detached takes the new connections, and none fails`(target: Target) throws {
        let address = target.address.replacing(":", with: " ")
        let first = try world.startTraffic(to: address)
        #expect(world.wait { first.hasBegun }, "\(world.ends)")
        attach(Self.known, to: target)
        var before = envoy.requestCount
        #expect(world.wait { envoy.requestCount >= before + 30 }, "\(world.ends)")
        let second = try world.startTraffic(to: address)
        #expect(world.wait { second.hasBegun }, "\(world.ends)")
        #expect(
            world.wait {
                world.lines(of: "n2").contains {
                    $0.contains("src.identity=\"spiffe://cluster.local/ns/shop/sa/waypoint\"")
                }
            }, "\(world.ends)")
        before = envoy.requestCount
        #expect(world.wait { envoy.requestCount >= before + 30 }, "\(world.ends)")
        attach(nil, to: target)
        #expect(settles(byWaypoint: false, target), "\(world.ends)")
        for traffic in [first, second] {
            let result = try traffic.stop()
            #expect(result.contains("\"failed\": 0,") && !result.contains("\"made\": 0,"), "\(result) \(world.ends)")
        }
    }

    /// Gives cart's service two waypoints with these weights.
    private func share(_ waypoint: Int, _ canary: Int) {
        let weighted = [("10.78.1.7", waypoint), ("10.78.1.6", canary)].map { address, weight in
            "{\"destination\": {\"address\": {\"address\": \"\(address)\"}, \"hboneMtlsPort\": 15008}, "
                + "\"weight\": \(weight)}"
        }
        let more = ", \"weightedWaypoints\": [\(weighted.joined(separator: ", "))]"
        world.istiod.tell("put", Json.put("address", Json.service("cart", address: "10.96.0.1", more: more)))
    }

    @Test func `connections are shared out by the weights of two waypoints, and a shift of these loses none`() throws {
        let canary = try Self.envoy("canary", of: world)
        world.istiod.tell("put", Json.put("address", Json.workload("canary", address: "10.78.1.6", node: "")))
        share(1, 0)
        #expect(settles(byWaypoint: true), "\(world.ends)")
        let traffic = try world.startTraffic()
        #expect(world.wait { traffic.hasBegun }, "\(world.ends)")
        for (weights, expected) in [
            ((1, 0), 0.0...0.0), ((3, 1), 0.1...0.45), ((1, 3), 0.55...0.9), ((0, 1), 1.0...1.0),
        ] {
            share(weights.0, weights.1)
            usleep(1_000_000)
            let before = (envoy.requestCount, canary.requestCount)
            var counts = (0, 0)
            let isEnough = world.wait {
                counts = (envoy.requestCount - before.0, canary.requestCount - before.1)
                return counts.0 + counts.1 >= 120
            }
            #expect(isEnough, "\(world.ends)")
            #expect(expected.contains(Double(counts.1) / Double(counts.0 + counts.1)), "\(weights): \(counts)")
        }
        let result = try traffic.stop()
        #expect(result.contains("\"failed\": 0,") && !result.contains("\"made\": 0,"), "\(result) \(world.ends)")
    }

    @Test func `behind a waypoint it is the waypoint that has to be admitted`() throws {
        let admit = { world.istiod.tell("put", Json.put("policy", Json.policy("only", admitting: $0))) }
        let isServed = { (try? world.call("10.96.0.1")) == "hello\n" }
        admit("web")
        attach(nil, policy: "shop/only")
        #expect(world.wait { isServed() }, "\(world.ends)")
        attach(Self.known, policy: "shop/only")
        #expect(world.wait { !isServed() }, "\(world.ends)")
        admit("waypoint")
        #expect(settles(byWaypoint: true), "\(world.ends)")
        // Who goes around it is not admitted.
        #expect(try world.call("10.78.1.2", 8080) != "hello\n")
        attach(nil, policy: "shop/only")
        #expect(world.wait { !isServed() }, "\(world.ends)")
    }

    @Test func `a waypoint that the node does not know is not gone around, and is used once it is known`() throws {
        let arrivals = {
            world.lines(of: "n2").count { $0.contains("connection opened") && $0.contains("direction=\"inbound\"") }
        }
        attach(#""hostname": {"namespace": "shop", "hostname": "waypoint.shop.svc.cluster.local"}"#)
        #expect(world.wait { (try? world.call("10.96.0.1")) != "hello\n" }, "\(world.ends)")
        let count = arrivals()
        for _ in 0..<3 { #expect(try world.call("10.96.0.1") != "hello\n") }
        #expect(arrivals() == count, "\(world.ends)")
        #expect(world.lines(of: "n1").contains { $0.contains("unknown waypoint") }, "\(world.ends)")
        // What is not for it is served meanwhile.
        #expect(try world.call("10.78.1.2", 8080) == "hello\n", "\(world.ends)")
        let service = Json.service("waypoint", address: "10.96.0.7").replacing(
            "\"servicePort\": 80, \"targetPort\": 8080", with: "\"servicePort\": 15008, \"targetPort\": 15008")
        let pod = Json.workload("waypoint", address: "10.78.1.7", node: "", service: "waypoint").replacing(
            "\"servicePort\": 80, \"targetPort\": 8080", with: "\"servicePort\": 15008, \"targetPort\": 15008")
        world.istiod.tell("put", Json.put("address", service, pod))
        #expect(settles(byWaypoint: true), "\(world.ends)")
    }

    @Test func `a client that asks a pod itself for what its waypoint serves is refused`() throws {
        attach(Self.known)
        #expect(settles(byWaypoint: true))
        let answers = try world.ask(["10.78.1.2:8080", "10.96.0.1:80", "10.78.1.3:8080"], of: "10.78.1.2")
        #expect(answers == ["200 hello", "400 ", "400 "])
    }

    @Test func `a pod that comes to take tunnels, and ceases to, costs no connection`() throws {
        let first = try world.startTraffic()
        #expect(world.wait { first.hasBegun }, "\(world.ends)")
        func seen(_ isTunnel: Bool) -> Bool {
            let before = world.lines(of: "n2").count
            return world.wait {
                world.lines(of: "n2").dropFirst(before).contains {
                    $0.contains("connection complete") && $0.contains("src.identity") == isTunnel
                }
            }
        }
        #expect(seen(true), "\(world.ends)")
        world.istiod.tell(
            "put",
            Json.put("address", Json.workload("cart", address: "10.78.1.2", node: "n2", hbone: false, service: "cart")))
        #expect(seen(false), "\(world.ends)")
        let second = try world.startTraffic()
        #expect(world.wait { second.hasBegun }, "\(world.ends)")
        attach(nil)
        #expect(seen(true), "\(world.ends)")
        for traffic in [first, second] {
            let result = try traffic.stop()
            #expect(result.contains("\"failed\": 0,") && !result.contains("\"made\": 0,"), "\(result) \(world.ends)")
        }
    }
}
