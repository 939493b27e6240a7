import Identity
@testable import Mesh
import Policy
import Primitives
import Wire

extension FuzzTarget {
    /// A mesh made by any updates answers every question, chooses only what may be chosen, and forgets what is removed.
    static let mesh = FuzzTarget("mesh") { bytes in
        var choices = Choices(bytes)
        let isOnNode = choices.oneIn(2)
        var state = MeshState(
            settings: MeshSettings(network: "", node: isOnNode ? "n0" : nil, isSOCKS5Enabled: choices.oneIn(4)))
        var workloads: [String: Workload] = [:]
        var services: [NamespacedHostname: Service] = [:]
        var versions: [(state: MeshState, summary: String)] = []
        var remaining = 40
        while !choices.isExhausted, remaining > 0 {
            remaining -= 1
            switch choices.below(6) {
            case 0, 1:
                let workload = choices.workload()
                state.insert(workload)
                workloads[workload.uid] = workload
            case 2:
                let service = choices.service()
                state.insert(service)
                services[service.key] = service
            case 3:
                let name = choices.oneIn(2) ? choices.uid() : choices.key().description
                let wasKnown = workloads[name] != nil || NamespacedHostname(name).map { services[$0] != nil } ?? false
                if workloads.removeValue(forKey: name) == nil, let key = NamespacedHostname(name) {
                    services[key] = nil
                }
                check(state.removeAddress(named: name) == wasKnown, "removal of \(name)")
            case 4 where versions.count < 4: versions.append((state, MeshProperties.summary(of: state)))
            default: if let source = state.workload(uid: choices.uid()) { MeshProperties.ask(state, source, &choices) }
            }
        }
        check(state.workloadCount == workloads.count && state.serviceCount == services.count, "counts")
        check(workloads.allSatisfy { state.workload(uid: $0.key) === $0.value }, "workloads")
        check(services.allSatisfy { state.service($0.key) === $0.value }, "services")
        for version in versions {
            check(MeshProperties.summary(of: version.state) == version.summary, "old versions stay")
        }
        for name in workloads.keys.sorted() + services.keys.map(\.description).sorted() {
            check(state.removeAddress(named: name), "what is known can be removed")
        }
        let empty = MeshState(settings: state.settings)
        check(MeshProperties.summary(of: state) == MeshProperties.summary(of: empty), "removal leaves nothing")
        check(state.stagedEndpoints.isEmpty && state.endpoints.isEmpty, "removal leaves no endpoints")
    }
}

private enum MeshProperties {
    /// What lookups see.
    static func summary(of state: MeshState) -> String {
        var lines: [String] = []
        for network in Choices.networks {
            for address in Choices.addresses + Choices.virtualAddresses {
                let key = NetworkAddress(network: network, address: address)
                let service = state.service(at: key, for: "a")
                lines.append("\(state.workload(at: key)?.uid ?? "-") \(service?.key.description ?? "-")")
            }
        }
        for name in Choices.hostnames {
            lines.append(state.service(hostname: name, for: "b")?.key.description ?? "-")
            for namespace in Choices.namespaces {
                let key = NamespacedHostname(namespace: namespace, hostname: name)
                let endpoints = state.service(key).map { state.endpoints(of: $0).map(\.workload.uid).sorted() }
                lines.append("\(endpoints ?? []) \(state.workload(named: key)?.uid ?? "-")")
            }
        }
        for namespace in Choices.namespaces {
            lines.append("\(state.hasLocalWorkload(of: .init(namespace: namespace, serviceAccount: "default")))")
        }
        return lines.joined(separator: "\n")
    }

    /// Routes from the workload and admits to it, and checks the answers.
    static func ask(_ state: MeshState, _ source: Workload, _ choices: inout Choices) {
        let destination = choices.destination()
        let client = source.addresses.first ?? IPAddress(v4: 1)
        let random = choices.word()
        let route = { (resolution: HostResolution?) in
            state.route(from: source, at: client, to: destination, random: random, resolution: resolution)
        }
        checkRoute(route(nil), state, source, destination)
        check("\(summary(of: route(nil)))" == "\(summary(of: route(nil)))", "a route follows from its arguments")
        if case .resolve(let hostname) = route(nil) {
            let address = IPAddress(v4: 0x0102_0304)
            let resolved = route(HostResolution(hostname, choosing: [address], preferring: .v4, random: random))
            if case .resolve = resolved { check(false, "a resolved name is not asked for again") }
        }
        let address = choices.oneIn(4) ? choices.pick(Choices.addresses) : client
        let authority: Authority =
            choices.oneIn(2)
            ? .address(choices.destination()) : .name(choices.pick(Choices.hostnames), port: choices.port())
        let admission = state.admit(
            authority, at: address, for: source, forwardedHost: choices.oneIn(2) ? choices.pick(Choices.hostnames) : nil
        )
        checkAdmission(admission, state, source, authority, address)
        if case .admitted(let target) = state.admitPlaintext(to: destination, for: source) {
            check(target.destination == destination, "plaintext goes where it went")
            check(!state.settings.isIllegal(port: destination.port), "no connection comes back to the proxy")
        }
        for family in [IPAddress.Family.v4, .v6] {
            let answer = state.lookUp(choices.pick(Choices.hostnames), family, for: source, random: random)
            check(answer?.addresses.allSatisfy { $0.family == family } ?? true, "an answer is of the family asked for")
        }
        let context = PolicyContext(source: client, identity: source.identity, destination: destination)
        check(state.policies(for: source).decide(context).isAllowed, "without policies all is allowed")
    }

    private static func checkAdmission(
        _ admission: Admission, _ state: MeshState, _ local: Workload, _ authority: Authority, _ address: IPAddress
    ) {
        guard case .admitted(let target) = admission else { return }
        check(target.destination.address == address, "a connection is delivered at the pod that it reached")
        if local.applicationTunnel?.port == nil {
            check(!state.settings.isIllegal(port: target.destination.port), "no connection comes back to the proxy")
        }
        if let port = local.applicationTunnel?.port { check(target.destination.port == port, "the tunnel's port") }
        check((target.proxiedDestination != nil) == (local.applicationTunnel?.usesProxyProtocol ?? false), "PROXY")
        if case .address(let asked) = authority, local.applicationTunnel == nil {
            check(target.destination.port == asked.port, "the port asked for is the port dialled")
        }
    }

    private static func checkRoute(
        _ route: OutboundRoute, _ state: MeshState, _ source: Workload, _ destination: Endpoint
    ) {
        switch route {
        case .tunnel(let tunnel):
            checkHop(tunnel, state)
            checkChoice(tunnel.workload, state, source, destination)
        case .doubleTunnel(let double):
            checkHop(double.outer, state)
            check(double.workload.network != source.network, "two tunnels lead to another network")
        case .plain(let plain):
            guard let workload = plain.workload else {
                return check(plain.destination == destination, "what is not of the mesh is left as it is")
            }
            check(workload.tunnelProtocol == .none, "a workload that takes HBONE is not called in plain")
            check(state.workload(uid: workload.uid) === workload, "only what is known is called")
            checkChoice(workload, state, source, destination)
        case .resolve(let hostname): check(!hostname.isEmpty, "a name to look up")
        case .refused(let refusal): check(!"\(refusal)".isEmpty, "a refusal has a reason")
        }
    }

    private static func checkHop(_ tunnel: OutboundRoute.Tunnel, _ state: MeshState) {
        check(tunnel.expectedIdentities.contains(tunnel.workload.identity), "a peer may be who it is")
        check(state.workload(uid: tunnel.workload.uid) === tunnel.workload, "only what is known is called")
        if !tunnel.workload.addresses.isEmpty {
            check(tunnel.workload.addresses.contains(tunnel.nextHop.address), "a workload is called at its own address")
        }
    }

    /// A service without waypoints is served by an endpoint that it admits and that meets its preferences.
    private static func checkChoice(
        _ workload: Workload, _ state: MeshState, _ source: Workload, _ destination: Endpoint
    ) {
        let key = NetworkAddress(network: source.network, address: destination.address)
        let local = NetworkAddress(network: state.settings.network, address: destination.address)
        guard let service = state.service(at: key, for: source.namespace), state.workload(at: local) == nil,
            state.workload(at: key) == nil, state.service(at: local, for: source.namespace) === service,
            service.waypoint == nil, service.weightedWaypoints.isEmpty
        else { return }
        check(service.mode != .passthrough, "a service that is passed through has no endpoint chosen")
        check(service.admits(workload.status), "an endpoint that is not healthy is not chosen")
        check(state.endpoints(of: service).contains { $0.workload === workload }, "an endpoint of the service")
        if service.mode == .strict, service.loadBalancing?.preferences.contains(.node) ?? false {
            check(workload.node == source.node, "a strict preference holds")
        }
        if workload.capacity == 0 {
            let others = state.endpoints(of: service).filter { $0.workload !== workload }
            check(others.isEmpty, "an endpoint without a share is not chosen")
        }
    }

    private static func summary(of route: OutboundRoute) -> String {
        switch route {
        case .tunnel(let tunnel): "\(tunnel.nextHop) \(tunnel.authority) \(tunnel.workload.uid)"
        case .doubleTunnel(let double): "\(double.outer.nextHop) \(double.workload.uid)"
        case .plain(let plain): "\(plain.destination) \(plain.workload?.uid ?? "-")"
        case .resolve(let hostname): hostname
        case .refused(let refusal): "\(refusal)"
        }
    }
}

extension Choices {
    static let networks = ["", "n2"]
    static let namespaces = ["a", "b"]
    static let hostnames = ["x", "y", "z"]
    static let addresses = ["10.1.0.0", "10.1.0.1", "10.1.0.2", "fd00::1"].compactMap { IPAddress($0) }
    static let virtualAddresses = ["10.96.0.0", "10.96.0.1", "10.96.0.9", "fd96::1", "127.0.0.1"]
        .compactMap { IPAddress($0) }
    private static let prefixes = ["10.96.0.0/16", "10.96.0.8/29", "fd96::/64", "10.1.0.0/24", "0.0.0.0/0"]
        .compactMap { IPPrefix($0) }

    fileprivate mutating func uid() -> String { "\(oneIn(4) ? "" : "Kubernetes//Pod/")p\(below(6))" }
    fileprivate mutating func key() -> NamespacedHostname {
        NamespacedHostname(namespace: pick(Self.namespaces), hostname: pick(Self.hostnames))
    }
    fileprivate mutating func port() -> UInt16 { pick([80, 8080, 0, 443, 15008, 15001, 15006, 15080, 65535]) }
    fileprivate mutating func destination() -> Endpoint {
        Endpoint(pick(Self.addresses + Self.virtualAddresses), port: port())
    }

    private mutating func networkAddress(_ addresses: [IPAddress]) -> NetworkAddress {
        NetworkAddress(network: oneIn(4) ? Self.networks[1] : Self.networks[0], address: pick(addresses))
    }

    private mutating func gateway() -> GatewayAddress? {
        switch below(6) {
        case 0...3: nil
        case 4: .address(networkAddress(Self.addresses + Self.virtualAddresses), port: port())
        default: .hostname(key(), port: port())
        }
    }

    private mutating func ports() -> PortMap {
        var ports = PortMap()
        for _ in 0..<below(3) { ports[port()] = port() }
        return ports
    }

    fileprivate mutating func workload() -> Workload {
        let tunnelPort: UInt16? = oneIn(2) ? port() : nil
        let tunnel = Workload.ApplicationTunnel(usesProxyProtocol: oneIn(2), port: tunnelPort)
        return Workload(
            uid: uid(), name: "w", namespace: pick(Self.namespaces), network: oneIn(4) ? "n2" : "",
            addresses: some(Self.addresses), hostname: oneIn(3) ? pick(Self.hostnames) : "", node: pick(["n0", "n1"]),
            locality: Locality(region: pick(["r", "s"])), tunnelProtocol: oneIn(3) ? .none : .hbone,
            usesHostNetwork: oneIn(6), status: oneIn(3) ? .unhealthy : .healthy, capacity: pick([1, 1, 0, 3, .max]),
            waypoint: gateway(), networkGateway: gateway(), applicationTunnel: oneIn(4) ? tunnel : nil,
            services: (0..<below(3)).map { _ in Workload.Membership(key(), ports: ports()) })
    }

    fileprivate mutating func service() -> Service {
        let key = key()
        let scopes: [LoadBalancing.Scope] = [.region, .zone, .subzone, .node, .cluster, .network]
        let balancing = LoadBalancing(
            mode: pick([.standard, .strict, .failover, .passthrough]),
            preferences: (0..<below(3)).map { _ in pick(scopes) }, healthPolicy: oneIn(4) ? .allowAll : .onlyHealthy)
        let weighted = (0..<(oneIn(4) ? below(3) : 0)).map { _ in
            Service.WeightedWaypoint(gateway() ?? .hostname(self.key(), port: 15008), weight: pick([1, 0, 7, .max]))
        }
        return Service(
            name: "s", namespace: key.namespace, hostname: key.hostname,
            addresses: (0..<below(3)).map { _ in networkAddress(Self.virtualAddresses + Self.addresses) },
            prefixes: some(Self.prefixes).map { NetworkPrefix(network: oneIn(4) ? "n2" : "", prefix: $0) },
            ports: ports(), subjectAltNames: oneIn(4) ? ["spiffe://td/ns/a/sa/gateway", "no identity"] : [],
            waypoint: gateway(), weightedWaypoints: weighted, loadBalancing: oneIn(2) ? balancing : nil,
            ipFamilies: pick([.automatic, .v4Only, .v6Only, .dual]), isCanonical: oneIn(3),
            visibility: oneIn(3) ? .namespace : .everyone)
    }
}
