import Identity
public import Primitives
import Wire

extension MeshState {
    /// The way of a connection from `source`, one of this node's workloads, to `destination`.
    ///
    /// - Parameters:
    ///   - client: The address from which the connection was opened.
    ///   - random: A random word; all choices follow from it.
    ///   - resolution: What became of the host name that an earlier call with the same word asked for.
    ///   - failed: Uids of workloads that could not be reached; no service chooses them.
    public func route(
        from source: Workload, at client: IPAddress, to destination: Endpoint, random: UInt64,
        resolution: HostResolution? = nil, avoiding failed: [String] = []
    ) -> OutboundRoute {
        var routing = Routing(
            state: self, source: source, client: client, destination: destination, resolution: resolution,
            failed: failed, draw: Draw(random))
        do throws(Detour) {
            return try routing.route()
        } catch {
            return switch error {
            case .refused(let refusal): .refused(refusal)
            case .resolve(let hostname): .resolve(hostname: hostname)
            }
        }
    }
}

/// What keeps a route from being found at once.
private enum Detour: Error {
    case refused(OutboundRefusal)
    case resolve(hostname: String)
}

/// One computation of a route. Source: ztunnel, in its order.
private struct Routing {
    let state: MeshState
    let source: Workload
    let client: IPAddress
    let destination: Endpoint
    let resolution: HostResolution?
    let failed: [String]
    var draw: Draw

    mutating func route() throws(Detour) -> OutboundRoute {
        if destination.address.isLoopback, state.settings.isIllegal(port: destination.port) {
            throw .refused(.selfCall)
        }
        let service = addressedService
        if let service, let waypoint = waypoint(of: service) { return try route(to: waypoint, of: service) }
        let found = find(NetworkAddress(network: source.network, address: destination.address))
        guard case .chosen(let upstream) = found else {
            if case .unavailable = found { throw .refused(.noHealthyUpstream(destination)) }
            if let service, service.mode != .passthrough { throw .refused(.noHealthyUpstream(destination)) }
            return .plain(OutboundRoute.Plain(destination: destination))
        }
        let workload = upstream.workload
        if workload.network != source.network {
            guard let service else { throw .refused(.noValidDestination(workload: workload.uid)) }
            return try routeAcrossNetworks(to: upstream, of: service)
        }
        if service == nil, let waypoint = workload.waypoint, !state.isMember(source, at: client, of: waypoint) {
            return try route(to: waypoint, of: nil, for: upstream.service)
        }
        return try routeDirectly(to: upstream)
    }

    /// The service that the destination stands for; workloads come first.
    private var addressedService: Service? {
        let address = NetworkAddress(network: state.settings.network, address: destination.address)
        guard state.workload(at: address) == nil else { return nil }
        return state.service(at: address, for: source.namespace)
    }

    // MARK: Finding the upstream

    private enum Found {
        case chosen(Upstream)
        /// A service without a usable endpoint.
        case unavailable
        /// A service that leaves connections as they are.
        case passthrough
        case nothing
    }

    /// What answers at an address of a network; services come first.
    private mutating func find(
        _ address: NetworkAddress, port: UInt16? = nil, purpose: Balancing.Purpose = .destination
    ) -> Found {
        let port = port ?? destination.port
        if let service = state.service(at: address, for: source.namespace) {
            if service.mode == .passthrough { return .passthrough }
            return balance(service, port: port, purpose: purpose).map(Found.chosen) ?? .unavailable
        }
        return state.workload(at: address).map { .chosen(Upstream(workload: $0, port: port)) } ?? .nothing
    }

    private mutating func balance(_ service: Service, port: UInt16, purpose: Balancing.Purpose) -> Upstream? {
        guard let endpoints = state.endpoints[service.key] else { return nil }
        let balancing = Balancing(service: service, port: port, client: source, purpose: purpose, failed: failed)
        return balancing.pick(from: endpoints, &draw)
    }

    private mutating func find(_ gateway: GatewayAddress, purpose: Balancing.Purpose) -> Upstream? {
        switch gateway {
        case .address(let address, let port):
            guard case .chosen(let upstream) = find(address, port: port, purpose: purpose) else { return nil }
            return upstream
        case .hostname(let name, let port):
            if let service = state.service(name) { return balance(service, port: port, purpose: purpose) }
            return state.workload(named: name).map { Upstream(workload: $0, port: port) }
        }
    }

    // MARK: Waypoints

    /// The waypoint of a service; one of several by their weights.
    private mutating func waypoint(of service: Service) -> GatewayAddress? {
        let total = service.weightedWaypoints.reduce(UInt64(0)) { $0 + UInt64($1.weight) }
        guard total > 0 else { return service.waypoint }
        var point = draw.next(upperBound: total)
        for candidate in service.weightedWaypoints {
            if point < UInt64(candidate.weight) { return candidate.waypoint }
            point -= UInt64(candidate.weight)
        }
        return service.waypoint
    }

    /// To the waypoint, which is asked for the destination as the client named it.
    private mutating func route(
        to waypoint: GatewayAddress, of service: Service?, for telemetryService: Service? = nil
    ) throws(Detour) -> OutboundRoute {
        guard let upstream = find(waypoint, purpose: .waypoint) else { throw .refused(.unknownWaypoint(waypoint)) }
        if upstream.workload.network != source.network {
            guard let service else { throw .refused(.noValidDestination(workload: upstream.workload.uid)) }
            return try routeAcrossNetworks(to: upstream, of: service)
        }
        let address = try address(of: upstream, preferring: preferredAddress(for: waypoint))
        return .tunnel(
            OutboundRoute.Tunnel(
                nextHop: Endpoint(address, port: upstream.port), authority: .address(destination),
                expectedIdentities: upstream.expectedIdentities, workload: upstream.workload,
                service: service ?? telemetryService))
    }

    // MARK: Ends of a route

    private func routeDirectly(to upstream: Upstream) throws(Detour) -> OutboundRoute {
        let address = try address(of: upstream, preferring: destination.address)
        let target = Endpoint(address, port: upstream.port)
        switch upstream.workload.tunnelProtocol {
        case .hbone:
            return .tunnel(
                OutboundRoute.Tunnel(
                    nextHop: Endpoint(address, port: ProxyPort.inboundTunnel), authority: .address(target),
                    expectedIdentities: upstream.expectedIdentities, workload: upstream.workload,
                    service: upstream.service))
        case .none:
            return .plain(
                OutboundRoute.Plain(destination: target, workload: upstream.workload, service: upstream.service))
        }
    }

    /// By the endpoint's gateway, which forwards to an endpoint of the service in its network.
    private mutating func routeAcrossNetworks(
        to upstream: Upstream, of service: Service
    ) throws(Detour) -> OutboundRoute {
        guard let gateway = upstream.workload.networkGateway else {
            throw .refused(.noValidDestination(workload: upstream.workload.uid))
        }
        guard let entrance = find(gateway, purpose: .destination) else { throw .refused(.unknownGateway(gateway)) }
        let address = try address(of: entrance, preferring: preferredAddress(for: gateway))
        let outer = OutboundRoute.Tunnel(
            nextHop: Endpoint(address, port: entrance.port), authority: .name(service.hostname, port: destination.port),
            expectedIdentities: entrance.expectedIdentities, workload: entrance.workload, service: service)
        return .doubleTunnel(
            OutboundRoute.DoubleTunnel(
                outer: outer, expectedIdentities: upstream.service?.subjectIdentities ?? [],
                workload: upstream.workload))
    }

    private func preferredAddress(for gateway: GatewayAddress) -> IPAddress {
        switch gateway {
        case .address(let address, _): address.address
        case .hostname: destination.address
        }
    }

    /// The workload's address: the preferred one if it is its own, else one of its family, else any that the service
    /// allows.
    private func address(of upstream: Upstream, preferring preferred: IPAddress) throws(Detour) -> IPAddress {
        let workload = upstream.workload
        if workload.addresses.contains(preferred) { return preferred }
        let allowed = workload.addresses.filter { upstream.service?.ipFamilies.allows($0.family) ?? true }
        if let address = allowed.first(where: { $0.family == preferred.family }) ?? allowed.first { return address }
        if workload.hostname.isEmpty { throw .refused(.noValidDestination(workload: workload.uid)) }
        // The mesh may have changed meanwhile, and with it who is meant.
        guard let resolution, resolution.hostname == workload.hostname else {
            throw .resolve(hostname: workload.hostname)
        }
        return resolution.address
    }
}

extension Upstream {
    /// The identities that may answer: those its service vouches for, then its own.
    fileprivate var expectedIdentities: [SPIFFEID] { (service?.subjectIdentities ?? []) + [workload.identity] }
}
