import Manifests
import Primitives
import Schema

/// ServiceEntries as services with their endpoints, and WorkloadEntries as workloads.
struct EntryCompiler {
    let mesh: MeshView
    let policies: PolicyIndex

    /// The services of an entry's hosts.
    func services(of claim: EntryIndex.Claim) -> [Schema.Service] {
        let entry = claim.entry
        return claim.hosts.map { host in
            var service = Schema.Service()
            service.name = entry.metadata.name.name
            service.namespace = entry.metadata.name.namespace
            service.hostname = host
            service.addresses = addresses(of: entry, host: host)
            service.ports = entry.ports.map { port in
                var compiled = Port()
                compiled.servicePort = UInt32(port.number)
                compiled.targetPort = UInt32(port.target)
                compiled.appProtocol = ApplicationProtocol.of(word: port.speech.lowercased()) ?? .unknown
                return compiled
            }
            service.subjectAltNames = entry.subjectAltNames
            service.canonical = mesh.entries.isCanonical(host, in: service.namespace)
            if entry.resolution == .none {
                var balancing = LoadBalancing()
                balancing.mode = .passthrough
                balancing.healthPolicy = .allowAll
                service.loadBalancing = balancing
            }
            return service
        }
    }

    /// What the entry says, or else what was found for the host.
    private func addresses(of entry: ServiceEntry, host: String) -> [NetworkAddress] {
        var prefixes = entry.prefixes
        let mayBeAutomatic = entry.resolution != .none && (!host.hasPrefix("*") || entry.resolution == .dynamicDNS)
        if prefixes.isEmpty, mayBeAutomatic {
            prefixes = (entry.automaticAddresses[host] ?? []).map { IPPrefix(host: $0) }
        }
        return prefixes.map { prefix in
            var compiled = NetworkAddress()
            compiled.network = mesh.network
            compiled.address = prefix.network.address.bytes
            if !prefix.isHost { compiled.length = UInt32(prefix.length) }
            return compiled
        }
    }

    /// The endpoints that an entry names, or its hosts where they are to be looked up.
    func workloads(of claim: EntryIndex.Claim) -> [Workload] {
        let entry = claim.entry
        guard entry.resolution != .none, entry.selector == nil else { return [] }
        if entry.endpoints.isEmpty {
            guard entry.resolution != .fixed else { return [] }
            return claim.hosts.map { workload(of: EntryEndpoint(hostname: $0), entry, hosts: [$0]) }
        }
        let usable = entry.endpoints.filter { endpoint in
            endpoint.address != nil || !endpoint.hostname.isEmpty && !endpoint.hostname.hasPrefix("unix:")
        }
        return usable.map { workload(of: $0, entry, hosts: claim.hosts) }
    }

    private func workload(of endpoint: EntryEndpoint, _ entry: ServiceEntry, hosts: [String]) -> Workload {
        let address = endpoint.address.map { "\($0)" } ?? endpoint.hostname
        let name = entry.metadata.name
        let labels = entry.metadata.labels
        var workload = workload(
            of: endpoint, name, uid: "ServiceEntry/\(name)/\(address)", labels: labels,
            workloadName: labels[WorkloadNaming.nameLabel] ?? name.name)
        if entry.metadata.annotations[EnrolmentRule.redirectionAnnotation] == "enabled" {
            workload.tunnelProtocol = .hbone
        }
        for host in hosts {
            workload.services[EntryIndex.key(name.namespace, host)] = Self.ports(of: entry) { endpoint.ports[$0] }
        }
        return workload
    }

    func workload(of entry: WorkloadEntry) -> Workload {
        let name = entry.metadata.name
        let labels = entry.labels
        let workloadName =
            entry.metadata.annotations["istio.io/autoRegistrationGroup"] ?? labels[WorkloadNaming.nameLabel]
            ?? name.name
        let endpoint = entry.endpoint
        var workload = workload(
            of: endpoint, name, uid: "WorkloadEntry/\(name)", labels: labels, workloadName: workloadName)
        if entry.metadata.annotations[EnrolmentRule.redirectionAnnotation] == "enabled" {
            workload.tunnelProtocol = .hbone
        }
        for service in mesh.services(selecting: labels, in: name.namespace) {
            workload.services[mesh.key(of: service.metadata.name)] = Self.ports(of: service, at: endpoint)
        }
        for claim in mesh.entries.selecting(labels, in: name.namespace) {
            for host in claim.hosts {
                workload.services[EntryIndex.key(name.namespace, host)] =
                    Self.ports(of: claim.entry) { endpoint.ports[$0] }
            }
        }
        return workload
    }

    /// What endpoints of either kind have in common.
    private func workload(
        of endpoint: EntryEndpoint, _ name: ObjectName, uid: String, labels: [String: String], workloadName: String
    ) -> Workload {
        var workload = Workload()
        workload.uid = "\(mesh.settings.clusterID)/networking.istio.io/\(uid)"
        workload.name = name.name
        workload.namespace = name.namespace
        workload.addresses = endpoint.address.map { [$0.bytes] } ?? []
        workload.hostname = endpoint.hostname
        workload.network = endpoint.network ?? mesh.network
        workload.trustDomain = mesh.settings.trustDomain == "cluster.local" ? "" : mesh.settings.trustDomain
        workload.serviceAccount = endpoint.serviceAccount
        workload.locality = Self.locality(endpoint.locality)
        workload.clusterID = mesh.settings.clusterID
        workload.workloadType = .pod
        workload.workloadName = workloadName
        workload.canonicalName = WorkloadNaming.canonicalName(labels) ?? workloadName
        workload.canonicalRevision = WorkloadNaming.canonicalRevision(labels)
        if endpoint.weight > 0 { workload.capacity = UInt32Value(endpoint.weight) }
        workload.authorizationPolicies = policies.policies(labels: labels, in: name.namespace)
        if labels["networking.istio.io/tunnel"] == "http" {
            workload.tunnelProtocol = .hbone
            workload.nativeTunnel = true
        }
        return workload
    }

    private static func locality(_ text: String) -> Locality? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let region = parts.first, !region.isEmpty else { return nil }
        var locality = Locality()
        locality.region = region
        locality.zone = parts.count > 1 ? parts[1] : ""
        locality.subzone = parts.count > 2 ? parts[2] : ""
        return locality
    }

    /// The ports of a ServiceEntry; `named` knows those that the endpoint has under another number.
    static func ports(of entry: ServiceEntry, named: (String) -> UInt16?) -> PortList {
        var list = PortList()
        list.ports = entry.ports.map { port in
            var compiled = Port()
            compiled.servicePort = UInt32(port.number)
            compiled.targetPort = UInt32(named(port.name) ?? port.target)
            return compiled
        }
        return list
    }

    /// The ports of a Service as a machine has them; one whose target has a name that it does not know is left out.
    private static func ports(of service: Manifests.Service, at endpoint: EntryEndpoint) -> PortList {
        var list = PortList()
        for port in service.ports {
            let target: UInt16?
            switch port.target {
            case .name(let name): target = endpoint.ports[name]
            case .number(let number): target = endpoint.ports[port.name] ?? number
            }
            guard let target else { continue }
            var compiled = Port()
            compiled.servicePort = UInt32(port.number)
            compiled.targetPort = UInt32(target)
            list.ports.append(compiled)
        }
        return list
    }
}
