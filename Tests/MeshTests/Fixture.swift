import Identity
import Mesh
import Primitives

/// A small shop: two nodes, a few services.
enum Fixture {
    static let web = pod("web-0", "10.1.0.5", account: "web", node: "n1")
    static let cart = pod(
        "cart-0", "10.1.0.7", account: "cart", services: [("shop/cart.shop.svc.cluster.local", [80: 8080])])
    static let cartService = service("cart", vip: "10.96.0.5", ports: [80: 8080])

    static func state(_ workloads: [Workload] = [], _ services: [Service] = [], network: String = "") -> MeshState {
        var state = MeshState(settings: MeshSettings(network: network, node: "n1"))
        for workload in workloads { state.insert(workload) }
        for service in services { state.insert(service) }
        return state
    }

    static func pod(
        _ name: String, _ addresses: String..., account: String = "default", namespace: String = "shop",
        network: String = "", node: String = "n2", hbone: Bool = true, hostname: String = "",
        locality: Locality = Locality(), status: Workload.Status = .healthy, capacity: UInt32 = 1,
        waypoint: GatewayAddress? = nil, gateway: GatewayAddress? = nil, tunnel: Workload.ApplicationTunnel? = nil,
        hostNetwork: Bool = false, policies: [String] = [], services: [(String, PortMap)] = []
    ) -> Workload {
        Workload(
            uid: "Kubernetes//Pod/\(namespace)/\(name)", name: name, namespace: namespace, serviceAccount: account,
            network: network, addresses: addresses.map(address), hostname: hostname, node: node, locality: locality,
            tunnelProtocol: hbone ? .hbone : .none, usesHostNetwork: hostNetwork, status: status, capacity: capacity,
            waypoint: waypoint, networkGateway: gateway, applicationTunnel: tunnel, authorizationPolicies: policies,
            services: services.map { Workload.Membership(key($0.0), ports: $0.1) })
    }

    static func service(
        _ name: String, vip: String? = nil, namespace: String = "shop", network: String = "", hostname: String? = nil,
        ports: PortMap = [80: 8080], identities: [String] = [], waypoint: GatewayAddress? = nil,
        weighted: [Service.WeightedWaypoint] = [], balancing: LoadBalancing? = nil,
        families: Service.IPFamilies = .automatic, canonical: Bool = false,
        visibility: Service.Visibility = .everyone, prefixes: [String] = []
    ) -> Service {
        Service(
            name: name, namespace: namespace, hostname: hostname ?? "\(name).\(namespace).svc.cluster.local",
            addresses: vip.map { [networkAddress($0, network)] } ?? [],
            prefixes: prefixes.map { NetworkPrefix(network: network, prefix: prefix($0)) }, ports: ports,
            subjectAltNames: identities, waypoint: waypoint, weightedWaypoints: weighted, loadBalancing: balancing,
            ipFamilies: families, isCanonical: canonical, visibility: visibility)
    }

    static func address(_ text: String) -> IPAddress { known(IPAddress(text)) }
    static func prefix(_ text: String) -> IPPrefix { known(IPPrefix(text)) }
    static func endpoint(_ text: String) -> Endpoint { known(Endpoint(text)) }
    static func key(_ text: String) -> NamespacedHostname { known(NamespacedHostname(text)) }
    static func identity(_ text: String) -> SPIFFEID { known(SPIFFEID(text)) }

    static func networkAddress(_ text: String, _ network: String = "") -> NetworkAddress {
        NetworkAddress(network: network, address: address(text))
    }

    static func gateway(_ text: String, _ network: String = "", port: UInt16 = 15008) -> GatewayAddress {
        if let name = NamespacedHostname(text) { return .hostname(name, port: port) }
        return .address(networkAddress(text, network), port: port)
    }

    private static func known<Value>(_ value: Value?) -> Value {
        guard let value else { preconditionFailure("texts in tests are well formed") }
        return value
    }
}

extension MeshState {
    /// The route of the pod `source` from its first address.
    func route(
        _ source: Workload, _ destination: String, random: UInt64 = 1, resolution: HostResolution? = nil
    ) -> OutboundRoute {
        route(
            from: source, at: source.addresses.first ?? Fixture.address("0.0.0.0"),
            to: Fixture.endpoint(destination), random: random, resolution: resolution)
    }
}

extension OutboundRoute {
    var tunnel: Tunnel? { if case .tunnel(let tunnel) = self { tunnel } else { nil } }
    var doubleTunnel: DoubleTunnel? { if case .doubleTunnel(let tunnel) = self { tunnel } else { nil } }
    var plain: Plain? { if case .plain(let plain) = self { plain } else { nil } }
    var refusal: String? { if case .refused(let refusal) = self { refusal.description } else { nil } }
}
