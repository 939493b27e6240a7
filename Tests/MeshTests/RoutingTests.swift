import Identity
import Mesh
import Primitives
import Testing
import Wire

@Suite struct RoutingTests {
    private let web = Fixture.web
    private let shop = Fixture.state([Fixture.web, Fixture.cart], [Fixture.cartService])

    @Test func `a service address leads to the target port of an endpoint`() throws {
        let tunnel = try #require(shop.route(web, "10.96.0.5:80").tunnel)
        #expect(tunnel.nextHop.description == "10.1.0.7:15008")
        #expect(tunnel.authority.description == "10.1.0.7:8080")
        #expect(tunnel.expectedIdentities.map(\.description) == ["spiffe://cluster.local/ns/shop/sa/cart"])
        #expect(tunnel.workload === Fixture.cart)
        #expect(tunnel.service === Fixture.cartService)
    }

    @Test func `a pod's address leads to the pod and its port`() throws {
        let tunnel = try #require(shop.route(web, "10.1.0.7:1234").tunnel)
        #expect(tunnel.nextHop.description == "10.1.0.7:15008")
        #expect(tunnel.authority.description == "10.1.0.7:1234")
        #expect(tunnel.service == nil)
    }

    @Test func `an unknown address passes through`() throws {
        let plain = try #require(shop.route(web, "192.0.2.1:443").plain)
        #expect(plain.destination.description == "192.0.2.1:443")
        #expect(plain.workload == nil)
    }

    @Test func `a workload outside the tunnel is dialled in plain at its target port`() throws {
        let outside = Fixture.pod(
            "cart-0", "10.1.0.7", hbone: false, services: [("shop/cart.shop.svc.cluster.local", PortMap())])
        let plain = try #require(Fixture.state([outside], [Fixture.cartService]).route(web, "10.96.0.5:80").plain)
        #expect(plain.destination.description == "10.1.0.7:8080")
        #expect(plain.workload === outside)
        #expect(plain.service === Fixture.cartService)
    }

    @Test func `a service that leaves connections alone is passed through`() throws {
        let service = Fixture.service("cart", vip: "10.96.0.5", balancing: LoadBalancing(mode: .passthrough))
        let plain = try #require(Fixture.state([Fixture.cart], [service]).route(web, "10.96.0.5:80").plain)
        #expect(plain.destination.description == "10.96.0.5:80")
        #expect(plain.workload == nil)
    }

    @Test func `without an endpoint or a port for the connection it is refused`() {
        let text = "no healthy upstream: 10.96.0.5:"
        #expect(Fixture.state([], [Fixture.cartService]).route(web, "10.96.0.5:80").refusal == text + "80")
        #expect(shop.route(web, "10.96.0.5:81").refusal == text + "81")
    }

    @Test func `the proxy's own ports are out of reach on loopback only`() throws {
        #expect(shop.route(web, "127.0.0.1:15001").refusal == "attempted recursive call to ourselves")
        #expect(shop.route(web, "[::1]:15008").refusal == "attempted recursive call to ourselves")
        #expect(shop.route(web, "127.0.0.1:15080").plain != nil)
        #expect(try #require(shop.route(web, "10.1.0.7:15008").tunnel).authority.description == "10.1.0.7:15008")
    }

    @Test func `a port that the service leaves to its endpoints is theirs`() throws {
        let named = Fixture.service("cart", vip: "10.96.0.5", ports: [80: 0, 81: 0])
        let state = Fixture.state([Fixture.cart], [named])
        #expect(try #require(state.route(web, "10.96.0.5:80").tunnel).authority.description == "10.1.0.7:8080")
        #expect(state.route(web, "10.96.0.5:81").refusal == "no healthy upstream: 10.96.0.5:81")
    }

    @Test func `an endpoint's own port goes before the service's`() throws {
        let service = Fixture.service("cart", vip: "10.96.0.5", ports: [80: 9999])
        let tunnel = Fixture.state([Fixture.cart], [service]).route(web, "10.96.0.5:80").tunnel
        #expect(try #require(tunnel).authority.description == "10.1.0.7:8080")
    }

    @Test func `names that the service vouches for go before the workload's own`() throws {
        let service = Fixture.service(
            "cart", vip: "10.96.0.5", identities: ["spiffe://td/ns/a/sa/b", "not-an-identity", "https://x"])
        let tunnel = try #require(Fixture.state([Fixture.cart], [service]).route(web, "10.96.0.5:80").tunnel)
        #expect(
            tunnel.expectedIdentities.map(\.description) == [
                "spiffe://td/ns/a/sa/b", "spiffe://cluster.local/ns/shop/sa/cart",
            ])
    }

    @Test func `the workload's address is of the family that the client chose, if the service allows`() throws {
        let key = "shop/cart.shop.svc.cluster.local"
        let dual = Fixture.pod("cart-0", "10.1.0.7", "fd00::7", services: [(key, PortMap())])
        func hop(_ families: Service.IPFamilies, _ destination: String) throws -> String {
            let service = Service(
                name: "cart", namespace: "shop", hostname: "cart.shop.svc.cluster.local",
                addresses: [Fixture.networkAddress("10.96.0.5"), Fixture.networkAddress("fd00:96::5")],
                ports: [80: 8080], ipFamilies: families)
            let route = Fixture.state([dual], [service]).route(web, destination)
            return try #require(route.tunnel).authority.description
        }
        #expect(try hop(.dual, "[fd00:96::5]:80") == "[fd00::7]:8080")
        #expect(try hop(.automatic, "10.96.0.5:80") == "10.1.0.7:8080")
        #expect(try hop(.v6Only, "10.96.0.5:80") == "[fd00::7]:8080")
        #expect(try hop(.v4Only, "[fd00:96::5]:80") == "10.1.0.7:8080")
    }

    @Test func `a workload known by name only is looked up and then dialled`() throws {
        let key = "shop/cart.shop.svc.cluster.local"
        let named = Fixture.pod("outside", hbone: false, hostname: "db.example", services: [(key, PortMap())])
        let state = Fixture.state([named], [Fixture.cartService])
        guard case .resolve(let hostname) = state.route(web, "10.96.0.5:80") else {
            Issue.record("the name is to be resolved")
            return
        }
        #expect(hostname == "db.example")
        let addresses = ["2001:db8::7", "192.0.2.7"].map(Fixture.address)
        let found = HostResolution("db.example", choosing: addresses, preferring: .v4, random: 1)
        let plain = state.route(web, "10.96.0.5:80", resolution: found).plain
        #expect(try #require(plain).destination.description == "192.0.2.7:8080")
        // What was found for a workload that is no longer meant leads nobody to another.
        let other = HostResolution("other.example", choosing: addresses, preferring: .v4, random: 1)
        guard case .resolve("db.example") = state.route(web, "10.96.0.5:80", resolution: other) else {
            Issue.record("the other name is to be resolved")
            return
        }
    }

    @Test func `an address is drawn from the family that was dialled, else from the other`() throws {
        let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1"].map(Fixture.address)
        func drawn(_ family: IPAddress.Family, _ addresses: [IPAddress]) -> Set<IPAddress> {
            Set(
                (0..<50).compactMap {
                    HostResolution("db.example", choosing: addresses, preferring: family, random: $0)?.address
                })
        }
        #expect(drawn(.v4, addresses) == Set(addresses[..<2]))
        #expect(drawn(.v6, addresses) == Set(addresses[2...]))
        #expect(drawn(.v6, Array(addresses[..<2])) == Set(addresses[..<2]))
        #expect(drawn(.v4, []).isEmpty)
    }

    @Test func `at an address that is both the service is what answers and no waypoint of it is asked`() throws {
        // The order of ztunnel's two look-ups, which differ.
        let pod = Fixture.pod("odd", "10.96.0.5")
        let service = Fixture.service("cart", vip: "10.96.0.5", waypoint: Fixture.gateway("10.1.0.9"))
        let state = Fixture.state([pod, Fixture.cart], [service])
        #expect(try #require(state.route(web, "10.96.0.5:80").tunnel).authority.description == "10.1.0.7:8080")
    }

    @Test func `a service of a namespace that keeps it to itself is to others as if it were not there`() throws {
        let gardener = Fixture.pod("gardener", "10.1.0.6", namespace: "garden")
        let own = Fixture.pod(
            "rose-0", "10.1.0.8", namespace: "garden", services: [("garden/rose.garden.svc.cluster.local", PortMap())])
        let hidden = Fixture.service("rose", vip: "10.96.0.5", namespace: "garden", visibility: .namespace)
        let around = Fixture.service("cart", prefixes: ["10.96.0.0/16"])
        let alone = Fixture.state([web, gardener, own, Fixture.cart], [hidden])
        let plain = try #require(alone.route(web, "10.96.0.5:80").plain)
        #expect(plain.destination.description == "10.96.0.5:80")
        #expect(plain.service == nil && plain.workload == nil)
        let surrounded = Fixture.state([web, gardener, own, Fixture.cart], [hidden, around])
        for (state, client, expected) in [
            (alone, gardener, own), (surrounded, gardener, own), (surrounded, web, Fixture.cart),
        ] {
            let tunnel = try #require(state.route(client, "10.96.0.5:80").tunnel)
            #expect(tunnel.workload === expected)
            #expect(tunnel.authority.description == "\(expected.addresses[0]):8080")
        }
    }

    @Test func `an endpoint that could not be reached is not chosen again`() {
        let endpoints = (1...3).map {
            Fixture.pod("p\($0)", "10.1.1.\($0)", services: [("shop/cart.shop.svc.cluster.local", PortMap())])
        }
        let state = Fixture.state([Fixture.web] + endpoints, [Fixture.cartService])
        for failed in [[], [endpoints[0].uid], endpoints[..<2].map(\.uid), endpoints.map(\.uid)] {
            var chosen: Set<String> = []
            for random in 0..<100 {
                let route = state.route(
                    from: Fixture.web, at: Fixture.address("10.1.0.5"), to: Fixture.endpoint("10.96.0.5:80"),
                    random: UInt64(random), avoiding: failed)
                switch route {
                case .plain(let plain): chosen.insert(plain.workload?.uid ?? "none")
                case .tunnel(let tunnel): chosen.insert(tunnel.workload.uid)
                case .refused(.noHealthyUpstream): #expect(failed.count == 3)
                default: Issue.record("\(route)")
                }
            }
            #expect(chosen == Set(endpoints.map(\.uid)).subtracting(failed))
        }
    }

    @Test func `a service by a network finds its endpoints in whatever order they came`() throws {
        let service = Fixture.service("cart", ports: [80: 8080], prefixes: ["10.97.0.0/16"])
        func pod(_ number: Int) -> Workload {
            Fixture.pod(
                "p\(number)", "10.1.1.\(number)", services: [("shop/cart.shop.svc.cluster.local", PortMap())])
        }
        var state = Fixture.state([Fixture.web, pod(1)])
        for step in 0..<4 {
            switch step {
            case 0: state.insert(service)
            case 1: state.insert(pod(2))
            case 2: state.removeAddress(named: pod(1).uid)
            default: state.insert(service)
            }
            let expected: Set<String> = [["p1"], ["p1", "p2"], ["p2"], ["p2"]][step]
            let chosen = (0..<50).map { random -> String in
                let route = state.route(Fixture.web, "10.97.1.2:80", random: UInt64(random))
                if case .plain(let plain) = route { return plain.workload?.name ?? "none" }
                return route.tunnel?.workload.name ?? "none"
            }
            #expect(Set(chosen) == expected)
        }
    }
}
