import Primitives

/// The endpoint that serves a connection, and where it takes it.
struct Upstream {
    var workload: Workload
    var port: UInt16
    /// The service it was chosen from.
    var service: Service?
}

/// Chooses among the endpoints of one service for one client.
struct Balancing {
    /// What the chosen endpoint is for.
    enum Purpose {
        case destination
        /// A waypoint may take connections on its own tunnel's port, which its service need not define.
        case waypoint
    }

    let service: Service
    let port: UInt16
    let client: Workload
    let purpose: Purpose
    /// Uids of workloads that are not to be chosen, few if any.
    let failed: [String]

    /// One of the endpoints, each by its share of the capacity of those that suit equally well; nil when none does.
    func pick(from endpoints: EndpointSet, _ draw: inout Draw) -> Upstream? {
        if purpose == .destination, service.ports[port] == nil { return nil }
        guard let endpoint = quickPick(from: endpoints, &draw) ?? scan(endpoints, &draw) else { return nil }
        return targetPort(of: endpoint).map { Upstream(workload: endpoint.workload, port: $0, service: service) }
    }

    /// Where all endpoints suit alike one at random will do, unless it turns out that it cannot be used.
    private func quickPick(from endpoints: EndpointSet, _ draw: inout Draw) -> ServiceEndpoint? {
        guard !isRanked, endpoints.isEven, !endpoints.isEmpty else { return nil }
        for _ in 0..<Self.quickPickCountMax {
            let endpoint = endpoints.endpoint(atOffset: Int(draw.next(upperBound: UInt64(endpoints.count))))
            if isUsable(endpoint) { return endpoint }
        }
        return nil
    }

    private static let quickPickCountMax = 4

    /// Looks at all endpoints. Of those of the highest rank so far one is held, and gives way to the next with the
    /// probability of its share.
    private func scan(_ endpoints: EndpointSet, _ draw: inout Draw) -> ServiceEndpoint? {
        var best: (endpoint: ServiceEndpoint?, rank: Int, capacity: UInt64) = (nil, 0, 0)
        for endpoint in endpoints.all where isUsable(endpoint) {
            guard let rank = rank(of: endpoint.workload), rank >= best.rank else { continue }
            if rank > best.rank { best = (nil, rank, 0) }
            let capacity = UInt64(endpoint.workload.capacity)
            guard capacity > 0 else { continue }
            best.capacity += capacity
            if draw.next(upperBound: best.capacity) < capacity { best.endpoint = endpoint }
        }
        return best.endpoint
    }

    private func isUsable(_ endpoint: ServiceEndpoint) -> Bool {
        let workload = endpoint.workload
        guard service.admits(workload.status), failed.isEmpty || !failed.contains(workload.uid) else { return false }
        if workload.addresses.isEmpty, workload.hostname.isEmpty {
            guard workload.network != client.network, workload.networkGateway != nil else { return false }
        }
        switch purpose {
        case .destination: return service.ports[port] != 0 || endpoint.ports[port] != nil
        case .waypoint: return service.ports[port] != nil || workload.applicationTunnel != nil
        }
    }

    private func targetPort(of endpoint: ServiceEndpoint) -> UInt16? {
        if let port = endpoint.ports[port] { return port }
        if let port = service.ports[port], port > 0 { return port }
        return endpoint.workload.applicationTunnel?.port == nil ? nil : port
    }

    private var isRanked: Bool { service.mode == .strict || service.mode == .failover }

    /// How well an endpoint agrees with the client: the number of preferences until the first in which it does not.
    /// Where the network comes first, no endpoint of another one outranks any of the client's own. Nil when it must not
    /// be used.
    private func rank(of workload: Workload) -> Int? {
        guard isRanked, let preferences = service.loadBalancing?.preferences else { return 0 }
        var rank = 0
        var matchCount = 0
        for (index, scope) in preferences.enumerated() {
            let isFirstNetwork = index == 0 && scope == .network
            if isMatch(scope, workload) {
                matchCount += 1
                rank += isFirstNetwork ? preferences.count : 1
            } else if !isFirstNetwork {
                break
            }
        }
        return service.mode == .strict && matchCount < preferences.count ? nil : rank
    }

    private func isMatch(_ scope: LoadBalancing.Scope, _ workload: Workload) -> Bool {
        switch scope {
        case .region: client.locality.region == workload.locality.region
        case .zone: client.locality.zone == workload.locality.zone
        case .subzone: client.locality.subzone == workload.locality.subzone
        case .node: client.node == workload.node
        case .cluster: client.cluster == workload.cluster
        case .network: client.network == workload.network
        }
    }
}
