import Identity
import Mesh
import Primitives
import Testing
import Wire

@Suite struct WaypointTests {
    private let web = Fixture.web
    private static let key = "shop/waypoint.shop.svc.cluster.local"
    private let waypoint = Fixture.pod(
        "waypoint-0", "10.1.0.9", account: "waypoint", services: [(key, [15008: 15008])])
    private let waypointService = Fixture.service(
        "waypoint", vip: "10.96.0.9", ports: [15008: 15008], identities: ["spiffe://td/ns/a/sa/waypoint"])

    @Test(arguments: ["10.1.0.9", "10.96.0.9", key])
    func `a service's waypoint is asked for the service's address`(gateway: String) throws {
        let orders = Fixture.service("orders", vip: "10.96.0.3", waypoint: Fixture.gateway(gateway))
        let state = Fixture.state([web, waypoint], [waypointService, orders])
        let tunnel = try #require(state.route(web, "10.96.0.3:80").tunnel)
        #expect(tunnel.nextHop.description == "10.1.0.9:15008")
        #expect(tunnel.authority.description == "10.96.0.3:80")
        #expect(tunnel.workload === waypoint)
        #expect(tunnel.service === orders)
        let own = "spiffe://cluster.local/ns/shop/sa/waypoint"
        let expected = gateway == "10.1.0.9" ? [own] : ["spiffe://td/ns/a/sa/waypoint", own]
        #expect(tunnel.expectedIdentities.map(\.description) == expected)
    }

    @Test func `a service that leaves connections alone is not left alone by its waypoint`() throws {
        func route(_ gateway: String?, _ destination: String) -> OutboundRoute {
            let orders = Fixture.service(
                "orders", vip: "10.96.0.3", waypoint: gateway.map { Fixture.gateway($0) },
                balancing: LoadBalancing(mode: .passthrough), prefixes: ["10.97.0.0/16"])
            return Fixture.state([web, waypoint], [orders]).route(web, destination)
        }
        for destination in ["10.96.0.3:80", "10.97.1.2:80", "10.97.1.2:81"] {
            let tunnel = try #require(route("10.1.0.9", destination).tunnel)
            #expect(tunnel.nextHop.description == "10.1.0.9:15008")
            #expect(tunnel.authority.description == destination)
            #expect(tunnel.workload === waypoint)
            #expect(tunnel.service?.name == "orders")
            #expect(route("10.1.2.3", destination).refusal?.hasPrefix("unknown waypoint: ") == true)
            let plain = try #require(route(nil, destination).plain)
            #expect(plain.destination.description == destination)
            #expect(plain.workload == nil)
        }
    }

    @Test func `a waypoint may be of another family than what it is asked for`() throws {
        func service(_ name: String, _ addresses: [String], ports: PortMap, waypoint: GatewayAddress? = nil) -> Service
        {
            Service(
                name: name, namespace: "shop", hostname: "\(name).shop.svc.cluster.local",
                addresses: addresses.map { Fixture.networkAddress($0) }, ports: ports, waypoint: waypoint)
        }
        let (four, six) = ("10.1.0.9", "fd00::9")
        // The waypoint's addresses, how it is named, what the client dials, and the address that is dialled.
        let cases: [([String], String, String, String)] = [
            // By name the client's family is preferred, and the other one serves as well.
            ([four, six], Self.key, "10.96.0.3", four), ([four, six], Self.key, "fd00:96::3", six),
            ([six], Self.key, "10.96.0.3", six), ([four], Self.key, "fd00:96::3", four),
            // By address it is the family of that, whatever the client dialled.
            ([four, six], six, "10.96.0.3", six), ([four, six], four, "fd00:96::3", four),
            ([four, six], "fd00:96::9", "10.96.0.3", six), ([four, six], "10.96.0.9", "fd00:96::3", four),
            ([four], "fd00:96::9", "10.96.0.3", four),
        ]
        for (addresses, gateway, dialled, hop) in cases {
            let pod = Workload(
                uid: "waypoint-0", name: "waypoint-0", namespace: "shop", addresses: addresses.map(Fixture.address),
                tunnelProtocol: .hbone, services: [Workload.Membership(Fixture.key(Self.key), ports: PortMap())])
            let orders = service(
                "orders", ["10.96.0.3", "fd00:96::3"], ports: [80: 8080], waypoint: Fixture.gateway(gateway))
            let state = Fixture.state(
                [web, pod], [service("waypoint", ["10.96.0.9", "fd00:96::9"], ports: [15008: 15008]), orders])
            let destination = Endpoint(Fixture.address(dialled), port: 80)
            let tunnel = try #require(state.route(web, destination.description).tunnel)
            #expect(tunnel.nextHop == Endpoint(Fixture.address(hop), port: 15008), "\(addresses) \(gateway) \(dialled)")
            #expect(tunnel.authority == .address(destination))
        }
    }

    @Test(arguments: ["10.1.2.3", "shop/none.shop.svc.cluster.local"])
    func `a waypoint that is not known is no reason to go without`(gateway: String) {
        let orders = Fixture.service("orders", vip: "10.96.0.3", waypoint: Fixture.gateway(gateway))
        let refusal = Fixture.state([web, Fixture.cart], [orders]).route(web, "10.96.0.3:80").refusal
        #expect(refusal?.hasPrefix("unknown waypoint: ") == true)
    }

    @Test func `a waypoint's service without endpoints is unknown too`() {
        let orders = Fixture.service("orders", vip: "10.96.0.3", waypoint: Fixture.gateway(Self.key))
        let refusal = Fixture.state([web], [orders, waypointService]).route(web, "10.96.0.3:80").refusal
        #expect(refusal?.hasPrefix("unknown waypoint: ") == true)
    }

    @Test func `several waypoints share the connections by their weights`() throws {
        let other = Fixture.pod("waypoint-1", "10.1.0.10", account: "waypoint")
        let orders = Fixture.service(
            "orders", vip: "10.96.0.3", waypoint: Fixture.gateway("10.1.2.3"),
            weighted: [
                .init(Fixture.gateway("10.1.0.9"), weight: 90), .init(Fixture.gateway("10.1.0.10"), weight: 10),
                .init(Fixture.gateway("10.1.2.3"), weight: 0),
            ])
        let state = Fixture.state([web, waypoint, other], [orders])
        var counts: [String: Int] = [:]
        for random in 0..<2000 {
            let tunnel = try #require(state.route(web, "10.96.0.3:80", random: UInt64(random)).tunnel)
            counts[tunnel.workload.name, default: 0] += 1
        }
        #expect((1700...1900).contains(counts["waypoint-0"] ?? 0))
        #expect(counts.count == 2)
    }

    @Test func `weights that sum to nothing leave the plain waypoint`() throws {
        let orders = Fixture.service(
            "orders", vip: "10.96.0.3", waypoint: Fixture.gateway("10.1.0.9"),
            weighted: [.init(Fixture.gateway("10.1.2.3"), weight: 0)])
        let tunnel = Fixture.state([waypoint], [orders]).route(web, "10.96.0.3:80").tunnel
        #expect(try #require(tunnel).workload === waypoint)
    }

    @Test(arguments: ["10.1.0.9", "10.96.0.9", key])
    func `a workload's waypoint takes what is for its address, but not from itself`(gateway: String) throws {
        let pod = Fixture.pod(
            "cart-0", "10.1.0.7", waypoint: Fixture.gateway(gateway),
            services: [("shop/cart.shop.svc.cluster.local", PortMap())])
        let state = Fixture.state([web, pod, waypoint], [waypointService, Fixture.cartService])
        let tunnel = try #require(state.route(web, "10.1.0.7:8080").tunnel)
        #expect(tunnel.nextHop.description == "10.1.0.9:15008")
        #expect(tunnel.authority.description == "10.1.0.7:8080")
        #expect(tunnel.service == nil)
        let own = try #require(state.route(waypoint, "10.1.0.7:8080").tunnel)
        #expect(own.nextHop.description == "10.1.0.7:15008")
        let addressed = try #require(state.route(web, "10.96.0.5:80").tunnel)
        #expect(addressed.nextHop.description == "10.1.0.7:15008")
        // The same identity from another address is not the waypoint.
        let stranger = state.route(
            from: waypoint, at: Fixture.address("10.1.0.99"), to: Fixture.endpoint("10.1.0.7:8080"), random: 1)
        #expect(try #require(stranger.tunnel).nextHop.description == "10.1.0.9:15008")
    }

    @Test func `a waypoint with a tunnel of its own takes the port that its service does not define`() throws {
        let sandwiched = Fixture.pod(
            "waypoint-0", "10.1.0.9", tunnel: .init(usesProxyProtocol: true, port: 15088),
            services: [(Self.key, PortMap())])
        let service = Fixture.service("waypoint", vip: "10.96.0.9", ports: [:])
        let orders = Fixture.service("orders", vip: "10.96.0.3", waypoint: Fixture.gateway("10.96.0.9"))
        let tunnel = Fixture.state([sandwiched], [service, orders]).route(web, "10.96.0.3:80").tunnel
        #expect(try #require(tunnel).nextHop.description == "10.1.0.9:15008")
    }
}

@Suite struct MultiNetworkTests {
    private let web = Fixture.pod("web-0", "10.1.0.5", network: "net1")
    private let gateway = Fixture.pod("gateway", "172.16.0.1", account: "gateway", network: "net2")
    private let identities = ["spiffe://cluster.local/ns/shop/sa/remote"]

    private func remote(gateway: GatewayAddress?) -> Workload {
        Fixture.pod(
            "remote", network: "net2", gateway: gateway, services: [("shop/remote.shop.svc.cluster.local", PortMap())])
    }

    private func state(gateway address: GatewayAddress?, waypoint: GatewayAddress? = nil) -> MeshState {
        let service = Fixture.service(
            "remote", vip: "10.96.0.8", network: "net1", identities: identities, waypoint: waypoint)
        return Fixture.state([web, gateway, remote(gateway: address)], [service], network: "net1")
    }

    @Test func `an endpoint in another network is reached through its gateway, by the service's name`() throws {
        let state = state(gateway: Fixture.gateway("172.16.0.1", "net2", port: 15009))
        let tunnel = try #require(state.route(web, "10.96.0.8:80").doubleTunnel)
        #expect(tunnel.outer.nextHop.description == "172.16.0.1:15009")
        #expect(tunnel.outer.authority == .name("remote.shop.svc.cluster.local", port: 80))
        #expect(tunnel.outer.expectedIdentities.map(\.description) == ["spiffe://cluster.local/ns/shop/sa/gateway"])
        #expect(tunnel.expectedIdentities.map(\.description) == identities)
        #expect(tunnel.workload.name == "remote")
    }

    @Test func `without a gateway no endpoint of another network is chosen`() {
        #expect(state(gateway: nil).route(web, "10.96.0.8:80").refusal == "no healthy upstream: 10.96.0.8:80")
    }

    @Test func `a gateway that is no workload is unknown`() {
        let refusal = state(gateway: Fixture.gateway("172.16.0.99", "net2")).route(web, "10.96.0.8:80").refusal
        #expect(refusal?.hasPrefix("unknown network gateway: ") == true)
    }

    @Test func `a gateway that has a name only is looked up`() throws {
        var state = state(gateway: Fixture.gateway("shop/gate.example.com", port: 15009))
        state.insert(Fixture.pod("gate", account: "gate", network: "net2", hostname: "gate.example.com"))
        guard case .resolve("gate.example.com") = state.route(web, "10.96.0.8:80") else {
            Issue.record("nothing is looked up")
            return
        }
        let found = HostResolution(
            "gate.example.com", choosing: [Fixture.address("192.0.2.9")], preferring: .v4, random: 1)
        let tunnel = try #require(state.route(web, "10.96.0.8:80", resolution: found).doubleTunnel)
        #expect(tunnel.outer.nextHop.description == "192.0.2.9:15009")
        #expect(tunnel.outer.expectedIdentities.map(\.description) == ["spiffe://cluster.local/ns/shop/sa/gate"])
        #expect(tunnel.expectedIdentities.map(\.description) == identities)
    }

    @Test func `a waypoint in another network is reached through its gateway`() throws {
        let entrance = Fixture.gateway("172.16.0.1", "net2", port: 15009)
        var state = state(gateway: entrance, waypoint: Fixture.gateway("shop/waypoint.shop.svc.cluster.local"))
        state.insert(
            Fixture.pod(
                "waypoint-0", network: "net2", gateway: entrance,
                services: [("shop/waypoint.shop.svc.cluster.local", [15008: 15008])]))
        state.insert(
            Fixture.service("waypoint", ports: [15008: 15008], identities: ["spiffe://td/ns/a/sa/waypoint"]))
        let tunnel = try #require(state.route(web, "10.96.0.8:80").doubleTunnel)
        #expect(tunnel.outer.authority == .name("remote.shop.svc.cluster.local", port: 80))
        #expect(tunnel.expectedIdentities.map(\.description) == ["spiffe://td/ns/a/sa/waypoint"])
        #expect(tunnel.workload.name == "waypoint-0")
    }
}
