import Mesh
import Primitives
import Testing

@Suite struct BalancingTests {
    private static let key = "shop/cart.shop.svc.cluster.local"

    /// The names of the endpoints chosen over many draws.
    private static func chosen(
        by source: Workload, _ endpoints: [Workload], _ balancing: LoadBalancing?
    ) -> [String: Int] {
        let service = Fixture.service("cart", vip: "10.96.0.5", network: "net", balancing: balancing)
        var state = Fixture.state(endpoints, [service], network: "net")
        state.insert(source)
        // The client asks in its own network.
        if source.network != "net" {
            state.insert(
                Service(
                    name: "cart", namespace: "shop", hostname: "cart.shop.svc.cluster.local",
                    addresses: [
                        Fixture.networkAddress("10.96.0.5", "net"), Fixture.networkAddress("10.96.0.5", source.network),
                    ], ports: [80: 8080], loadBalancing: balancing))
        }
        var counts: [String: Int] = [:]
        for random in 0..<400 {
            switch state.route(source, "10.96.0.5:80", random: UInt64(random)) {
            case .tunnel(let tunnel): counts[tunnel.workload.name, default: 0] += 1
            case .doubleTunnel(let tunnel): counts[tunnel.workload.name, default: 0] += 1
            default: break
            }
        }
        return counts
    }

    private static func endpoint(
        _ name: String, _ address: String?, network: String = "net", region: String = "", zone: String = ""
    ) -> Workload {
        let locality = Locality(region: region, zone: zone)
        let gateway = Fixture.gateway("172.16.0.1", "other")
        guard let address else {
            return Fixture.pod(name, network: network, locality: locality, services: [(key, PortMap())])
        }
        return Fixture.pod(
            name, address, network: network, locality: locality, gateway: network == "net" ? nil : gateway,
            services: [(key, PortMap())])
    }

    struct Row: Sendable {
        var network: String
        var region: String
        var zone: String
        var strict: [String]
        var failover: [String]
    }

    /// The contract's acceptance table.
    static let rows = [
        Row(network: "net", region: "reg", zone: "zone", strict: ["m"], failover: ["m"]),
        Row(network: "net", region: "reg", zone: "", strict: [], failover: ["a", "m"]),
        Row(network: "net", region: "x", zone: "x", strict: [], failover: ["a", "m", "n"]),
        Row(network: "other2", region: "reg", zone: "zone", strict: [], failover: ["m", "o"]),
        Row(network: "other2", region: "x", zone: "x", strict: [], failover: ["a", "m", "n", "o"]),
    ]

    @Test(arguments: rows) func `preferences choose among endpoints as the contract's table says`(row: Row) {
        let source = Fixture.pod(
            "web-0", "10.1.0.5", network: row.network, locality: Locality(region: row.region, zone: row.zone))
        var endpoints = [
            Self.endpoint("m", "10.1.1.1", region: "reg", zone: "zone"),
            Self.endpoint("a", "10.1.1.2", region: "reg", zone: "other-zone"), Self.endpoint("n", "10.1.1.3"),
            Self.endpoint("o", "10.1.1.4", network: "other", region: "reg", zone: "zone"),
            Self.endpoint("e", nil, region: "reg", zone: "zone"),
        ]
        // From a third network all endpoints are reached by a gateway.
        endpoints = endpoints.map { endpoint in
            guard row.network == "other2", !endpoint.addresses.isEmpty else { return endpoint }
            return Fixture.pod(
                endpoint.name, endpoint.addresses[0].description, network: endpoint.network,
                locality: endpoint.locality, gateway: Fixture.gateway("172.16.0.1", "other"),
                services: [(Self.key, PortMap())])
        }
        endpoints.append(Fixture.pod("gateway", "172.16.0.1", network: "other"))
        let preferences: [LoadBalancing.Scope] = [.network, .region, .zone]
        let strict = Self.chosen(by: source, endpoints, LoadBalancing(mode: .strict, preferences: preferences))
        #expect(strict.keys.sorted() == row.strict)
        let failover = Self.chosen(by: source, endpoints, LoadBalancing(mode: .failover, preferences: preferences))
        #expect(failover.keys.sorted() == row.failover)
    }

    @Test func `all endpoints are chosen equally often`() {
        let source = Fixture.pod("web-0", "10.1.0.5", network: "net")
        let endpoints = (1...4).map { Self.endpoint("p\($0)", "10.1.1.\($0)") }
        let counts = Self.chosen(by: source, endpoints, nil)
        #expect(counts.count == 4)
        #expect(counts.values.allSatisfy { (60...140).contains($0) })
    }

    @Test func `capacity is an endpoint's share and none means never`() {
        let source = Fixture.pod("web-0", "10.1.0.5", network: "net")
        let endpoints = [1, 3, 0].enumerated().map { index, capacity in
            Fixture.pod(
                "p\(capacity)", "10.1.1.\(index)", network: "net", capacity: UInt32(capacity),
                services: [(Self.key, PortMap())])
        }
        let counts = Self.chosen(by: source, endpoints, nil)
        #expect((60...140).contains(counts["p1"] ?? 0))
        #expect((260...340).contains(counts["p3"] ?? 0))
        #expect(counts["p0"] == nil)
    }

    @Test func `one healthy endpoint among many is found`() {
        let source = Fixture.pod("web-0", "10.1.0.5", network: "net")
        let endpoints = (1...200).map {
            Fixture.pod(
                "p\($0)", "10.1.1.\($0)", network: "net", status: $0 == 77 ? .healthy : .unhealthy,
                services: [(Self.key, PortMap())])
        }
        #expect(Self.chosen(by: source, endpoints, nil) == ["p77": 400])
    }

    @Test func `a route follows from its arguments alone`() throws {
        let source = Fixture.pod("web-0", "10.1.0.5", network: "net")
        let endpoints = (1...9).map { Self.endpoint("p\($0)", "10.1.1.\($0)") }
        let state = Fixture.state(
            endpoints, [Fixture.service("cart", vip: "10.96.0.5", network: "net")], network: "net")
        for random in 0..<50 {
            let routes = [0, 1].map { _ in state.route(source, "10.96.0.5:80", random: UInt64(random)).tunnel }
            #expect(try #require(routes[0]).workload === routes[1]?.workload)
        }
    }
}
