import Mesh
import Primitives
import Schema
import Wire

/// Turns resources as they come over the wire into the values that decisions are made on. What is not understood is
/// refused, but for parts of policies: a rule that is not understood is kept as one that refuses.
struct ResourceFolding {
    enum Address {
        case workload(Mesh.Workload)
        case service(Mesh.Service)
    }

    private var strings = SharingPool<String>()
    private var gateways = SharingPool<Mesh.GatewayAddress>()
    private var memberships = SharingPool<[Mesh.Workload.Membership]>()

    /// - Parameter name: The resource's name, with which what is equal to it is shared.
    mutating func address(_ bytes: [UInt8], named name: String) throws(ResourceFlaw) -> Address {
        let message: Schema.Address
        do {
            message = try Schema.Address(protobuf: bytes)
        } catch {
            throw .undecodable(error)
        }
        switch message.kind {
        case .workload(let workload): return .workload(try fold(workload, named: name))
        case .service(let service): return .service(try fold(service))
        case nil: throw .unknownAddress
        }
    }

    // MARK: Workloads

    private mutating func fold(
        _ message: Schema.Workload, named name: String
    ) throws(ResourceFlaw) -> Mesh.Workload {
        var addresses: [IPAddress] = []
        for bytes in message.addresses { addresses.append(try address(of: bytes)) }
        return Mesh.Workload(
            uid: message.uid == name ? name : message.uid, name: message.name,
            namespace: strings.shared(message.namespace),
            serviceAccount: strings.shared(message.serviceAccount.isEmpty ? "default" : message.serviceAccount),
            trustDomain: strings.shared(message.trustDomain.isEmpty ? "cluster.local" : message.trustDomain),
            network: strings.shared(message.network), addresses: addresses, hostname: message.hostname,
            node: strings.shared(message.node),
            cluster: strings.shared(message.clusterID.isEmpty ? "Kubernetes" : message.clusterID),
            locality: Mesh.Locality(
                region: strings.shared(message.locality?.region ?? ""),
                zone: strings.shared(message.locality?.zone ?? ""),
                subzone: strings.shared(message.locality?.subzone ?? "")),
            workloadType: try workloadType(message.workloadType), workloadName: strings.shared(message.workloadName),
            canonicalName: strings.shared(message.canonicalName),
            canonicalRevision: strings.shared(message.canonicalRevision),
            tunnelProtocol: try tunnelProtocol(message.tunnelProtocol),
            usesHostNetwork: try usesHostNetwork(message.networkMode), hasNativeTunnel: message.nativeTunnel,
            status: try status(message.status), capacity: message.capacity?.value ?? 1,
            waypoint: try gateway(message.waypoint), networkGateway: try gateway(message.networkGateway),
            applicationTunnel: try applicationTunnel(message.applicationTunnel),
            authorizationPolicies: sharedAll(message.authorizationPolicies),
            services: memberships.shared(try membership(message.services)))
    }

    private mutating func membership(
        _ services: [String: PortList]
    ) throws(ResourceFlaw) -> [Mesh.Workload.Membership] {
        var memberships: [Mesh.Workload.Membership] = []
        // In order of the names: a map has none, and telemetry names the first service that fits.
        for (name, list) in services.sorted(by: { $0.key < $1.key }) {
            guard let key = Mesh.NamespacedHostname(name) else { throw .notNamespaced(name) }
            memberships.append(Mesh.Workload.Membership(shared(key), ports: try ports(list.ports)))
        }
        return memberships
    }

    private func tunnelProtocol(_ number: Schema.TunnelProtocol) throws(ResourceFlaw) -> Mesh.Workload.TunnelProtocol {
        switch number {
        case .none: return .none
        case .hbone: return .hbone
        case .legacyIstioMTLS: throw .legacyTunnel
        default: throw .unknownNumber(number.rawValue)
        }
    }

    private func workloadType(_ number: Schema.WorkloadType) throws(ResourceFlaw) -> Baggage.WorkloadType {
        switch number {
        case .deployment: return .deployment
        case .cronJob: return .cronJob
        case .pod: return .pod
        case .job: return .job
        default: throw .unknownNumber(number.rawValue)
        }
    }

    private func status(_ number: Schema.WorkloadStatus) throws(ResourceFlaw) -> Mesh.Workload.Status {
        switch number {
        case .healthy: return .healthy
        case .unhealthy: return .unhealthy
        default: throw .unknownNumber(number.rawValue)
        }
    }

    private func usesHostNetwork(_ number: Schema.NetworkMode) throws(ResourceFlaw) -> Bool {
        guard number.isRecognized else { throw .unknownNumber(number.rawValue) }
        return number == .hostNetwork
    }

    private func applicationTunnel(
        _ message: Schema.ApplicationTunnel?
    ) throws(ResourceFlaw) -> Mesh.Workload.ApplicationTunnel? {
        guard let message else { return nil }
        guard message.tunnelProtocol.isRecognized else { throw .unknownNumber(message.tunnelProtocol.rawValue) }
        let port = try port(message.port)
        return Mesh.Workload.ApplicationTunnel(
            usesProxyProtocol: message.tunnelProtocol == .proxy, port: port == 0 ? nil : port)
    }

    // MARK: Services

    private mutating func fold(_ message: Schema.Service) throws(ResourceFlaw) -> Mesh.Service {
        var addresses: [Mesh.NetworkAddress] = []
        var prefixes: [Mesh.NetworkPrefix] = []
        for message in message.addresses {
            let network = strings.shared(message.network)
            let address = try address(of: message.address)
            guard let prefix = IPPrefix(address, length: Int(message.length ?? UInt32(address.bitCount))) else {
                throw .prefixLength
            }
            if prefix.isHost {
                addresses.append(Mesh.NetworkAddress(network: network, address: address))
            } else {
                prefixes.append(Mesh.NetworkPrefix(network: network, prefix: prefix))
            }
        }
        var weighted: [Mesh.Service.WeightedWaypoint] = []
        for message in message.weightedWaypoints {
            guard let gateway = try gateway(message.destination) else { throw .gatewayWithoutDestination }
            weighted.append(Mesh.Service.WeightedWaypoint(gateway, weight: message.weight))
        }
        return Mesh.Service(
            name: message.name, namespace: strings.shared(message.namespace),
            hostname: strings.shared(message.hostname), addresses: addresses, prefixes: prefixes,
            ports: try ports(message.ports), subjectAltNames: message.subjectAltNames,
            waypoint: try gateway(message.waypoint), weightedWaypoints: weighted,
            loadBalancing: try message.loadBalancing.map(loadBalancing), ipFamilies: try ipFamilies(message.ipFamilies),
            isCanonical: message.canonical, visibility: message.visibility == .namespace ? .namespace : .everyone)
    }

    private func ipFamilies(_ number: Schema.IPFamilies) throws(ResourceFlaw) -> Mesh.Service.IPFamilies {
        switch number {
        case .automatic: return .automatic
        case .ipv4Only: return .v4Only
        case .ipv6Only: return .v6Only
        case .dual: return .dual
        default: throw .unknownNumber(number.rawValue)
        }
    }

    private func loadBalancing(_ message: Schema.LoadBalancing) throws(ResourceFlaw) -> Mesh.LoadBalancing {
        var balancing = Mesh.LoadBalancing()
        switch message.mode {
        case .unspecified: balancing.mode = .standard
        case .strict: balancing.mode = .strict
        case .failover: balancing.mode = .failover
        case .passthrough: balancing.mode = .passthrough
        default: throw .unknownNumber(message.mode.rawValue)
        }
        switch message.healthPolicy {
        case .onlyHealthy: balancing.healthPolicy = .onlyHealthy
        case .allowAll: balancing.healthPolicy = .allowAll
        default: throw .unknownNumber(message.healthPolicy.rawValue)
        }
        for scope in message.routingPreference { balancing.preferences.append(try self.scope(scope)) }
        return balancing
    }

    private func scope(_ number: Schema.LoadBalancing.Scope) throws(ResourceFlaw) -> Mesh.LoadBalancing.Scope {
        switch number {
        case .region: return .region
        case .zone: return .zone
        case .subzone: return .subzone
        case .node: return .node
        case .cluster: return .cluster
        case .network: return .network
        default: throw .unknownScope
        }
    }

    // MARK: Parts

    private mutating func gateway(_ message: Schema.GatewayAddress?) throws(ResourceFlaw) -> Mesh.GatewayAddress? {
        guard let message else { return nil }
        let port = try port(message.hboneMTLSPort)
        switch message.destination {
        case .address(let address):
            let key = Mesh.NetworkAddress(
                network: strings.shared(address.network), address: try self.address(of: address.address))
            return gateways.shared(.address(key, port: port))
        case .hostname(let name):
            let key = Mesh.NamespacedHostname(namespace: name.namespace, hostname: name.hostname)
            return gateways.shared(.hostname(shared(key), port: port))
        case nil: throw .gatewayWithoutDestination
        }
    }

    private mutating func shared(_ key: Mesh.NamespacedHostname) -> Mesh.NamespacedHostname {
        Mesh.NamespacedHostname(namespace: strings.shared(key.namespace), hostname: strings.shared(key.hostname))
    }

    private mutating func sharedAll(_ texts: [String]) -> [String] {
        var shared: [String] = []
        for text in texts { shared.append(strings.shared(text)) }
        return shared
    }

    private func address(of bytes: [UInt8]) throws(ResourceFlaw) -> IPAddress {
        guard let address = IPAddress(bytes: bytes) else { throw .addressLength(bytes.count) }
        return address
    }

    private func ports(_ list: [Schema.Port]) throws(ResourceFlaw) -> PortMap {
        var ports = PortMap()
        for entry in list { ports[try port(entry.servicePort)] = try port(entry.targetPort) }
        return ports
    }

    private func port(_ number: UInt32) throws(ResourceFlaw) -> UInt16 {
        guard let port = UInt16(exactly: number) else { throw .portOutOfRange(number) }
        return port
    }
}
