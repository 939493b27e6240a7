import Identity
import Mesh
import Policy
import Primitives
import Testing

@Suite struct MeshStateTests {
    private let key = Fixture.cartService.key

    @Test func `a workload is found by uid, address and, on its own node, by name`() {
        let state = Fixture.state([Fixture.web, Fixture.cart])
        #expect(state.workload(uid: Fixture.web.uid) === Fixture.web)
        #expect(state.workload(at: Fixture.networkAddress("10.1.0.7")) === Fixture.cart)
        #expect(state.workload(at: Fixture.networkAddress("10.1.0.7", "elsewhere")) == nil)
        #expect(state.localWorkload(name: "web-0", namespace: "shop", serviceAccount: "web") === Fixture.web)
        #expect(state.localWorkload(name: "web-0", namespace: "shop", serviceAccount: "cart") == nil)
        #expect(state.localWorkload(name: "cart-0", namespace: "shop", serviceAccount: "cart") == nil)
    }

    @Test func `a node without a name takes all workloads for its own`() {
        var state = MeshState(settings: MeshSettings())
        state.insert(Fixture.cart)
        #expect(state.localWorkload(name: "cart-0", namespace: "shop", serviceAccount: "cart") === Fixture.cart)
        #expect(state.hasLocalWorkload(of: Fixture.cart.account))
        state.removeAddress(named: Fixture.cart.uid)
        #expect(!state.hasLocalWorkload(of: Fixture.cart.account))
    }

    @Test func `a workload on its node's address is not found by it`() {
        let state = Fixture.state([Fixture.pod("a", "10.0.0.1", hostNetwork: true)])
        #expect(state.workload(at: Fixture.networkAddress("10.0.0.1")) == nil)
        #expect(state.workloadCount == 1)
    }

    @Test func `of several claims to an address a pod with HBONE wins, and the latest of equals`() {
        let address = Fixture.networkAddress("10.1.0.9")
        let entry = Workload(uid: "entry", name: "e", namespace: "shop", addresses: [address.address])
        let tunnelled = Workload(
            uid: "tunnelled", name: "t", namespace: "shop", addresses: [address.address], tunnelProtocol: .hbone)
        let plainPod = Fixture.pod("plain", "10.1.0.9", hbone: false)
        let pod = Fixture.pod("pod", "10.1.0.9")
        let successor = Fixture.pod("successor", "10.1.0.9")
        var state = Fixture.state([successor, pod, plainPod, tunnelled, entry])
        #expect(state.workload(at: address) === pod)
        state.insert(successor)
        #expect(state.workload(at: address) === successor)
        for (removed, next) in [(successor, pod), (pod, plainPod), (plainPod, tunnelled), (tunnelled, entry)] {
            state.removeAddress(named: removed.uid)
            #expect(state.workload(at: address) === next)
        }
        state.removeAddress(named: "entry")
        #expect(state.workload(at: address) == nil)
    }

    @Test func `endpoints wait for their service and survive its updates`() {
        var state = Fixture.state([Fixture.cart])
        #expect(state.stagedEndpoints[key]?.map(\.workload.uid) == [Fixture.cart.uid])
        state.insert(Fixture.cartService)
        #expect(state.stagedEndpoints.isEmpty)
        #expect(state.endpoints(of: Fixture.cartService).count == 1)
        let update = Fixture.service("cart", vip: "10.96.0.6")
        state.insert(update)
        #expect(state.endpoints(of: update).count == 1)
        #expect(state.service(at: Fixture.networkAddress("10.96.0.5"), for: "shop") == nil)
        #expect(state.service(at: Fixture.networkAddress("10.96.0.6"), for: "shop") === update)
        state.insert(Fixture.pod("cart-0", "10.1.0.7", account: "cart"))
        #expect(state.endpoints(of: update).isEmpty)
    }

    @Test func `an unhealthy endpoint is used only where the service says so`() {
        let sick = Fixture.pod(
            "cart-1", "10.1.0.8", status: .unhealthy, services: [("shop/cart.shop.svc.cluster.local", PortMap())])
        var state = Fixture.state([Fixture.cart, sick], [Fixture.cartService])
        #expect(state.endpoints(of: Fixture.cartService).map(\.workload.name) == ["cart-0"])
        let tolerant = Fixture.service("cart", vip: "10.96.0.5", balancing: LoadBalancing(healthPolicy: .allowAll))
        state.insert(tolerant)
        #expect(state.endpoints(of: tolerant).count == 2)
    }

    @Test func `a removal names a workload or else a service`() {
        var state = Fixture.state([Fixture.cart], [Fixture.cartService])
        var isKnown = state.removeAddress(named: "shop/cart.shop.svc.cluster.local")
        #expect(isKnown)
        #expect(state.serviceCount == 0)
        #expect(state.service(hostname: key.hostname, for: "shop") == nil)
        #expect(state.service(at: Fixture.networkAddress("10.96.0.5"), for: "shop") == nil)
        isKnown = state.removeAddress(named: Fixture.cart.uid)
        #expect(isKnown)
        #expect(state.stagedEndpoints.isEmpty)
        for name in ["shop/cart.shop.svc.cluster.local", "shop", "a/b/c", ""] {
            isKnown = state.removeAddress(named: name)
            #expect(!isKnown)
        }
    }

    @Test func `of services with one name or address the client's own namespace goes before the canonical one`() {
        let address = Fixture.networkAddress("10.96.0.9")
        let services = ["a", "b", "c"].map {
            Fixture.service(
                "db", vip: "10.96.0.9", namespace: $0, hostname: "db.example", canonical: $0 == "b",
                visibility: $0 == "c" ? .namespace : .everyone)
        }
        var state = Fixture.state([], services)
        for (client, expected) in [("a", "a"), ("b", "b"), ("c", "c"), ("d", "b")] {
            #expect(state.service(hostname: "db.example", for: client)?.namespace == expected)
            #expect(state.service(at: address, for: client)?.namespace == expected)
        }
        state.removeAddress(named: "b/db.example")
        #expect(state.service(at: address, for: "d")?.namespace == "a")
        state.removeAddress(named: "a/db.example")
        #expect(state.service(at: address, for: "d") == nil)
        #expect(state.service(hostname: "DB.example", for: "c") == nil)
    }

    @Test func `of networks around an address the client's own goes first and then the smallest`() {
        let wide = Fixture.service("wide", namespace: "a", prefixes: ["10.0.0.0/8"])
        let narrow = Fixture.service("narrow", namespace: "b", prefixes: ["10.96.0.77/16"])
        let single = Fixture.service("single", vip: "10.96.0.1", namespace: "b")
        var state = Fixture.state([], [wide, narrow, single])
        let at = { (text: String, client: String) in
            state.service(at: Fixture.networkAddress(text), for: client)?.name
        }
        #expect(at("10.96.0.1", "c") == "single")
        #expect(at("10.96.0.2", "c") == "narrow")
        #expect(at("10.96.0.2", "a") == "wide")
        #expect(at("10.1.0.1", "c") == "wide")
        #expect(at("11.0.0.1", "c") == nil)
        for _ in 0..<3 { state.insert(Fixture.service("narrow", namespace: "b", prefixes: ["10.97.0.0/16"])) }
        #expect(at("10.96.0.2", "c") == "wide")
        #expect(at("10.97.0.2", "c") == "narrow")
        state.removeAddress(named: "b/narrow.b.svc.cluster.local")
        state.removeAddress(named: "a/wide.a.svc.cluster.local")
        #expect(at("10.97.0.2", "c") == nil)
    }

    @Test func `among networks as well a client sees its own namespace's first, the canonical one, and no hidden one`()
    {
        func service(
            _ namespace: String, _ prefix: String, canonical: Bool = false, hidden: Bool = false
        ) -> Service {
            Fixture.service(
                "db", namespace: namespace, canonical: canonical, visibility: hidden ? .namespace : .everyone,
                prefixes: [prefix])
        }
        let single = Fixture.service("single", vip: "10.97.0.1", namespace: "d", visibility: .namespace)
        let services = [
            service("wide", "10.0.0.0/8"), service("a", "10.96.0.0/16"), service("b", "10.96.0.0/16", canonical: true),
            service("c", "10.96.0.0/16", canonical: true, hidden: true), service("d", "10.97.0.0/16", hidden: true),
            single,
        ]
        for order in [services, services.reversed()] {
            var state = Fixture.state([], order)
            for (address, client, expected) in [
                ("10.96.0.2", "a", "a"), ("10.96.0.2", "b", "b"), ("10.96.0.2", "c", "c"), ("10.96.0.2", "e", "b"),
                // A larger network of its own goes before the smaller one of others.
                ("10.96.0.2", "wide", "wide"),
                // The hidden address and the hidden network around it leave the one around both.
                ("10.97.0.1", "d", "single.d"), ("10.97.0.2", "d", "d"), ("10.97.0.1", "e", "wide"),
                ("10.97.0.2", "e", "wide"),
            ] {
                let found = state.service(at: Fixture.networkAddress(address), for: client)
                let name = found.map { $0 === single ? "single.d" : $0.namespace }
                #expect(name == expected, "\(address) for \(client)")
            }
            state.removeAddress(named: "b/db.b.svc.cluster.local")
            #expect(state.service(at: Fixture.networkAddress("10.96.0.2"), for: "e")?.namespace == "a")
            state.removeAddress(named: "a/db.a.svc.cluster.local")
            #expect(state.service(at: Fixture.networkAddress("10.96.0.2"), for: "e")?.namespace == "wide")
            state.removeAddress(named: "wide/db.wide.svc.cluster.local")
            #expect(state.service(at: Fixture.networkAddress("10.96.0.2"), for: "e") == nil)
            #expect(state.service(at: Fixture.networkAddress("10.97.0.1"), for: "e") == nil)
        }
    }

    @Test func `a workload's policies are its namespace's and those that it names`() {
        var state = Fixture.state()
        let denial = PolicyRule(clauses: [])
        state.policies.insert(
            AuthorizationPolicy(
                name: "shut", namespace: "shop", scope: .workloadSelector, action: .deny, rules: [denial]))
        let context = PolicyContext(
            source: Fixture.address("10.1.0.1"), identity: nil, destination: Fixture.endpoint("10.1.0.7:80"))
        #expect(state.policies(for: Fixture.cart).decide(context).isAllowed)
        let selected = Fixture.pod("cart-0", "10.1.0.7", policies: ["shop/shut"])
        #expect(!state.policies(for: selected).decide(context).isAllowed)
    }
}
