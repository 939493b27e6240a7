import Discovery
import Mesh
import Primitives
import Schema
import Testing
import YAML

@testable import LocalState

@Suite struct LocalResourcesTests {
    /// Everything that a document may hold.
    static let document = """
        workloads:
        - uid: c1//v1/Pod/shop/cart-0
          name: cart-0
          namespace: shop
          serviceAccount: cart
          trustDomain: cluster.local
          workloadIps: ["10.1.0.7", "fd00::7"]
          protocol: HBONE
          network: ""
          node: n1
          workloadName: cart
          workloadType: deployment
          canonicalName: cart
          canonicalRevision: v1
          clusterId: Kubernetes
          status: Unhealthy
          networkMode: Standard
          capacity: 3
          authorizationPolicies: ["shop/only-web"]
          waypoint: {destination: "/10.1.0.9", hboneMtlsPort: 15008}
          networkGateway: {destination: "shop/gate.example.com", hboneMtlsPort: 15009}
          applicationTunnel: {protocol: PROXY, port: 15088}
          locality: {region: r, zone: z, subzone: s}
          services:
            "shop/cart.shop.svc.cluster.local": {80: 8080}
        - {uid: listed, name: listed, namespace: shop, hostname: db.example.com, workloadIps: [], nativeTunnel: true}
        services:
        - name: cart
          namespace: shop
          hostname: cart.shop.svc.cluster.local
          vips: ["/10.96.0.5"]
          cidrVips: [{network: far, cidr: 10.97.0.0/16}]
          ports: {80: 8080}
          endpoints: {listed: {workloadUid: listed, port: {80: 9090}, status: Healthy}}
          subjectAltNames: ["spiffe://cluster.local/ns/shop/sa/cart"]
          canonical: true
          visibility: Namespace
          ipFamilies: Dual
          loadBalancer: {routingPreferences: [Network, Region, Zone], mode: Failover, healthPolicy: AllowAll}
          weightedWaypoints: [{destination: {destination: "/10.1.0.9", hboneMtlsPort: 15008}, weight: 10}]
        policies:
        - name: only-web
          namespace: shop
          scope: WorkloadSelector
          action: Allow
          dryRun: false
          rules:
          - - - principals: [!Exact "cluster.local/ns/shop/sa/web", {Prefix: "cluster.local/"}]
                notNamespaces: [!Suffix hop, !Presence [], {Presence: []}]
                sourceIps: [10.0.0.0/8]
                serviceAccounts: [{namespace: shop, serviceAccount: web}]
                notDestinationPorts: [9999]

        """

    private static func read(_ text: String) throws -> LocalResources { try LocalResources(yaml: Array(text.utf8)) }

    /// The state of a node that knows `text` and nothing else, by the fold that takes the control plane's responses.
    private static func store(_ text: String) throws -> ResourceStore {
        var store = ResourceStore(settings: MeshSettings(node: "n1"), node: Schema.Node())
        for response in try read(text).responses(since: LocalResources()) {
            #expect(store.applyLocal(response).complaints == [])
        }
        return store
    }

    @Test func `a document becomes the mesh that it describes`() throws {
        let state = try Self.store(Self.document).state
        let cart = try #require(state.workload(uid: "c1//v1/Pod/shop/cart-0"))
        #expect(cart.addresses.map(\.description) == ["10.1.0.7", "fd00::7"] && cart.capacity == 3)
        #expect(cart.tunnelProtocol == .hbone && cart.status == .unhealthy && cart.locality.zone == "z")
        #expect(cart.waypoint?.port == 15008 && cart.networkGateway?.port == 15009)
        #expect(cart.applicationTunnel?.usesProxyProtocol == true && cart.applicationTunnel?.port == 15088)
        #expect(cart.authorizationPolicies == ["shop/only-web"])
        let listed = try #require(state.workload(uid: "listed"))
        #expect(listed.hasNativeTunnel && listed.services.map(\.ports[80]) == [9090])
        #expect(listed.trustDomain == "cluster.local" && listed.serviceAccount == "default")
        #expect(state.serviceCount == 1 && state.workloadCount == 2)
    }

    @Test func `text matches are read from tags and from mappings`() throws {
        let policy = try #require(try Self.read(Self.document).authorizations["shop/only-web"])
        let match = try #require(policy.groups.first?.rules.first?.matches.first)
        #expect(
            match.principals.map(\.kind) == [.exact("cluster.local/ns/shop/sa/web"), .prefix("cluster.local/")])
        #expect(match.notNamespaces.map(\.kind) == [.suffix("hop"), .presence, .presence])
        #expect(match.sourceIPs.first?.length == 8 && match.notDestinationPorts == [9999])
        #expect(policy.scope == .workloadSelector && policy.action == .allow)
    }

    @Test(arguments: [
        ("workloads: [{name: a}]", "uid is missing"), ("workloads: [{uid: a, colour: red}]", "unknown field colour"),
        ("things: []", "unknown field things"), ("workloads: [{uid: a, workloadIps: [x]}]", "x is no IP address"),
        ("workloads: [{uid: a, protocol: hbone}]", "hbone is none of TCP, HBONE"),
        ("workloads: [{uid: a}, {uid: a}]", "a is here twice"),
        ("workloads: [{uid: a, services: {cart: {}}}]", "cart is not namespace/hostname"),
        ("workloads: [{uid: a, waypoint: {destination: w}}]", "neither network/IP nor"),
        ("services: [{name: a, namespace: b}]", "hostname is missing"),
        ("services: [{namespace: b, hostname: c, vips: [10.0.0.1]}]", "is not network/IP"),
        ("services: [{namespace: b, hostname: c, ports: {http: 80}}]", "http is no port"),
        ("services: [{namespace: b, hostname: c, endpoints: {x: {}}}]", "x is no workload of this document"),
        ("policies: [{name: a, namespace: b, scope: Global}]", "scope or action is missing"),
        (
            "policies: [{name: a, namespace: b, scope: Global, action: Deny, rules: [[[{principals: [x]}]]]}]",
            "expected !Exact"
        ),
        (
            "policies: [{name: a, namespace: b, scope: Global, action: Deny, rules: [[[{sourceIps: [1/2]}]]]}]",
            "is no IP range"
        ),
        ("{}\n---\n{a: b}", "a second document"),
    ])
    func `what is not understood is refused with its line`(text: String, reason: String) throws {
        let error = #expect(throws: YAMLError.self) { try Self.read("\n\(text)") }
        #expect(error?.reason.contains(reason) == true && error?.line ?? 0 >= 2, "\(error.map(String.init) ?? "")")
    }

    @Test func `only what differs leads from one document to the next`() throws {
        let one = try Self.read("workloads: [{uid: a}, {uid: b}]\n")
        let two = try Self.read("workloads: [{uid: b}, {uid: c}]\n")
        let responses = two.responses(since: one)
        #expect(responses.map { $0.resources.map(\.name) } == [["c"]])
        #expect(responses.map(\.removedResources) == [["a"]])
        #expect(two.responses(since: two).isEmpty)
    }

    @Test func `the control plane hears nothing of local resources, and what it sent outlives them`() throws {
        var store = try Self.store("workloads: [{uid: a, name: mine}, {uid: b}]\n")
        #expect(store.subscriptions().allSatisfy { $0.initialResourceVersions.isEmpty } && !store.isReady)
        var response = DeltaDiscoveryResponse()
        response.typeURL = ResourceType.address.typeURL
        var resource = try #require(
            try Self.read("workloads: [{uid: a, name: theirs}]\n").responses(since: .init()).first
        )
        .resources[0]
        resource.version = "1"
        response.resources = [resource]
        #expect(store.apply(response).reply.errorDetail == nil)
        let gone = LocalResources().responses(since: try Self.read("workloads: [{uid: a, name: mine}, {uid: b}]\n"))
        for response in gone { _ = store.applyLocal(response) }
        #expect(store.state.workload(uid: "a")?.name == "theirs" && store.state.workload(uid: "b") == nil)
    }
}
