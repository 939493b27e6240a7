public import Primitives

/// What a node has to ask for whose control plane tells on demand. Names are those of resources: `network/address` and
/// `namespace/hostname`.
extension MeshState {
    /// What decides the way of a connection and is not known: the destination itself, or else the waypoints and
    /// gateways on the way. Once these are known there may be more.
    public func unknownNames(onTheWayTo destination: IPAddress, from source: Workload) -> [String] {
        guard !destination.isLoopback else { return [] }
        let address = NetworkAddress(network: source.network, address: destination)
        let service = service(at: address, for: source.namespace)
        let workload = workload(at: address)
        // A network of addresses is no more than a guess about each of them.
        guard workload != nil || service?.addresses.contains(address) == true else { return [address.description] }
        var gateways: [GatewayAddress?] = [service?.waypoint]
        gateways += service?.weightedWaypoints.map(\.waypoint) ?? []
        if let service {
            for endpoint in endpoints(of: service) where endpoint.workload.network != source.network {
                gateways.append(endpoint.workload.networkGateway)
            }
        } else if let workload {
            gateways.append(workload.waypoint)
        }
        var names: [String] = []
        for case let gateway? in gateways {
            if let name = unknownName(of: gateway, for: source), !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// The services that `hostname` may stand for in the eyes of a client, if none is known: of cluster names those
    /// that the name says, of others those that the client's own namespace may have declared.
    public func unknownNames(of hostname: String, for client: Workload) -> [String] {
        let suffix = ".svc.\(settings.clusterDomain)"
        var names: [String] = []
        for candidate in NameSearch(namespace: client.namespace, clusterDomain: settings.clusterDomain)
            .candidates(for: hostname)
        {
            var namespace = client.namespace
            if candidate.name.endsIn(suffix) {
                let labels = candidate.name.dropLast(suffix.utf8.count).split(separator: ".")
                guard labels.count == 2 else { continue }
                namespace = String(labels[1])
            } else if !candidate.name.contains(".") {
                continue
            }
            let key = NamespacedHostname(namespace: namespace, hostname: candidate.name)
            if service(key) == nil { names.append(key.description) }
        }
        return names
    }

    /// The uid of the workload, or the key of the service, that came under the name of its address; any other name is
    /// the resource's own.
    public func primaryName(of name: String) -> String {
        guard workload(uid: name) == nil, let slash = name.lastIndex(of: "/"),
            let address = IPAddress(String(name[name.index(after: slash)...]))
        else { return name }
        let key = NetworkAddress(network: String(name[..<slash]), address: address)
        return workload(at: key)?.uid ?? exactService(at: key)?.key.description ?? name
    }

    private func unknownName(of gateway: GatewayAddress, for source: Workload) -> String? {
        switch gateway {
        case .address(let address, _):
            let isKnown = workload(at: address) != nil || service(at: address, for: source.namespace) != nil
            return isKnown ? nil : address.description
        case .hostname(let name, _):
            return service(name) != nil || workload(named: name) != nil ? nil : name.description
        }
    }
}
