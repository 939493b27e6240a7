public import Identity
public import Policy
import Primitives

/// All that a node knows of the mesh: workloads, services, policies. A persistent value: copying it is O(1), and a copy
/// stays as it was while the state moves on.
///
/// | question | answered by |
/// |---|---|
/// | what changed | `insert(_:)`, `removeAddress(named:)`, `policies` |
/// | who is this | `workload(uid:)`, `workload(at:)`, `localWorkload(...)`, `service(...)` |
/// | where does an outbound connection go | `route(from:at:to:random:resolution:avoiding:)` -> `OutboundRoute` |
/// | what does an inbound CONNECT reach | `admit(_:at:for:forwardedHost:)` -> `Admission` |
/// | what does inbound plaintext reach | `admitPlaintext(to:for:)` -> `Admission` |
/// | what does a name stand for | `lookUp(_:_:for:random:)` -> `NameAnswer` |
/// | may it | `policies(for:)` -> `CompiledPolicySet`, whose `decide(_:)` -> `PolicyDecision` |
///
/// All of them are functions of the state and their arguments; random words come from the caller.
public struct MeshState: Sendable {
    public let settings: MeshSettings
    /// The authorisation policies.
    public var policies = PolicySet()

    /// Workloads that have left: where it stayed the same, all are there that were.
    public private(set) var departureCount: UInt64 = 0

    private(set) var workloads = PersistentMap<String, Workload>()
    private var workloadsByAddress = PersistentMap<NetworkAddress, AddressOwners>()
    private var workloadsByHostname = PersistentMap<NamespacedHostname, [Workload]>()
    private var localWorkloads = PersistentMap<ServiceAccountName, [Workload]>()
    private(set) var services = PersistentMap<NamespacedHostname, Service>()
    private var servicesByHostname = PersistentMap<String, ServiceCandidates>()
    private var servicesByAddress = PersistentMap<NetworkAddress, ServiceCandidates>()
    private var servicesByPrefix = PrefixTable()
    /// Endpoints by service. They come from the workloads alone, so that services and workloads may arrive in any
    /// order.
    private(set) var endpoints = PersistentMap<NamespacedHostname, EndpointSet>()

    /// A state that knows nothing yet.
    public init(settings: MeshSettings) { self.settings = settings }
}

// MARK: - Changes

extension MeshState {
    /// Adds the workload, or puts it in the place of the one with its uid.
    public mutating func insert(_ workload: Workload) {
        removeWorkload(uid: workload.uid)
        workloads[workload.uid] = workload
        if !workload.usesHostNetwork {
            for address in workload.addresses {
                let key = NetworkAddress(network: workload.network, address: address)
                guard var owners = workloadsByAddress[key] else {
                    workloadsByAddress[key] = AddressOwners(workload)
                    continue
                }
                owners.insert(workload)
                workloadsByAddress[key] = owners
            }
        }
        if let key = workload.hostnameKey { workloadsByHostname[key] = (workloadsByHostname[key] ?? []) + [workload] }
        if isLocal(workload) {
            localWorkloads[workload.account] = (localWorkloads[workload.account] ?? []) + [workload]
        }
        for membership in workload.services {
            var set = endpoints[membership.service] ?? EndpointSet()
            set.insert(ServiceEndpoint(workload, ports: membership.ports))
            endpoints[membership.service] = set
        }
    }

    /// Adds the service, or puts it in the place of the one with its key.
    public mutating func insert(_ service: Service) {
        if let old = services.updateValue(service, forKey: service.key) { unindexAddresses(of: old, keeping: service) }
        servicesByHostname[service.hostname] = inserting(service, in: servicesByHostname[service.hostname])
        for address in service.addresses {
            servicesByAddress[address] = inserting(service, in: servicesByAddress[address])
        }
        for prefix in service.prefixes { servicesByPrefix.insert(service, at: prefix) }
    }

    /// Removes the workload with this uid or else the service with this key; false when there is neither.
    @discardableResult public mutating func removeAddress(named name: String) -> Bool {
        if removeWorkload(uid: name) {
            departureCount &+= 1
            return true
        }
        guard let key = NamespacedHostname(name), let service = services.removeValue(forKey: key) else { return false }
        unindexAddresses(of: service, keeping: nil)
        servicesByHostname[service.hostname] = removing(key, from: servicesByHostname[service.hostname])
        return true
    }

    @discardableResult private mutating func removeWorkload(uid: String) -> Bool {
        guard let workload = workloads.removeValue(forKey: uid) else { return false }
        for address in workload.usesHostNetwork ? [] : workload.addresses {
            let key = NetworkAddress(network: workload.network, address: address)
            workloadsByAddress[key] = workloadsByAddress[key]?.removing(workload)
        }
        if let key = workload.hostnameKey {
            workloadsByHostname[key] = removing(workload, from: workloadsByHostname[key])
        }
        if isLocal(workload) {
            localWorkloads[workload.account] = removing(workload, from: localWorkloads[workload.account])
        }
        for membership in workload.services {
            guard var set = endpoints[membership.service] else { continue }
            set.remove(uid)
            endpoints[membership.service] = set.isEmpty ? nil : set
        }
        return true
    }

    /// Takes a service's addresses out of the indexes but those that its next version has as well: there it keeps its
    /// place.
    private mutating func unindexAddresses(of old: Service, keeping next: Service?) {
        for address in old.addresses where next?.addresses.contains(address) != true {
            servicesByAddress[address] = removing(old.key, from: servicesByAddress[address])
        }
        for prefix in old.prefixes where next?.prefixes.contains(prefix) != true {
            servicesByPrefix.remove(old.key, at: prefix)
        }
    }

    /// Whether the workload runs on this node.
    public func isLocal(_ workload: Workload) -> Bool { settings.node == nil || settings.node == workload.node }

    private func inserting(_ service: Service, in candidates: ServiceCandidates?) -> ServiceCandidates {
        var candidates = candidates ?? ServiceCandidates()
        candidates.insert(service)
        return candidates
    }

    private func removing(_ key: NamespacedHostname, from candidates: ServiceCandidates?) -> ServiceCandidates? {
        guard var candidates else { return nil }
        candidates.remove(key)
        return candidates.isEmpty ? nil : candidates
    }

    private func removing(_ workload: Workload, from list: [Workload]?) -> [Workload]? {
        guard let rest = list?.filter({ $0 !== workload }), !rest.isEmpty else { return nil }
        return rest
    }
}

// MARK: - Questions

extension MeshState {
    /// The workload with this primary key.
    public func workload(uid: String) -> Workload? { workloads[uid] }

    /// The most likely owner of an address: the best effort for peers. One's own workload is asked for by name.
    public func workload(at address: NetworkAddress) -> Workload? { workloadsByAddress[address]?.best }

    /// The workload of this node with this name, namespace and service account.
    public func localWorkload(name: String, namespace: String, serviceAccount: String) -> Workload? {
        localWorkloads[ServiceAccountName(namespace: namespace, serviceAccount: serviceAccount)]?
            .last { $0.name == name }
    }

    /// The workloads of this node that run under the service account.
    public func localWorkloads(of account: ServiceAccountName) -> [Workload] { localWorkloads[account] ?? [] }

    /// Whether any workload of this node runs under the service account, so that its certificate is of use.
    public func hasLocalWorkload(of account: ServiceAccountName) -> Bool { localWorkloads[account] != nil }

    /// The first workload known by this host name.
    func workload(named key: NamespacedHostname) -> Workload? { workloadsByHostname[key]?.first }

    /// The service with this primary key.
    public func service(_ key: NamespacedHostname) -> Service? { services[key] }

    /// The service with this host name for clients of `namespace`. Names are compared as they are.
    public func service(hostname: String, for namespace: String) -> Service? {
        servicesByHostname[hostname]?.best(for: namespace)
    }

    /// All services with this host name, in the order in which they appeared.
    func services(hostname: String) -> [Service] { servicesByHostname[hostname]?.services ?? [] }

    /// The service at a virtual address for clients of `namespace`: the address itself goes before networks around it.
    public func service(at address: NetworkAddress, for namespace: String) -> Service? {
        servicesByAddress[address]?.best(for: namespace) ?? servicesByPrefix.best(for: address, namespace: namespace)
    }

    /// The same for whoever sees it, and for the address itself only.
    func exactService(at address: NetworkAddress) -> Service? { servicesByAddress[address]?.services.first }

    /// All workloads, in no particular order.
    public var allWorkloads: some Sequence<Workload> { workloads.lazy.map(\.value) }

    /// All services, in no particular order.
    public var allServices: some Sequence<Service> { services.lazy.map(\.value) }

    public var workloadCount: Int { workloads.count }
    public var serviceCount: Int { services.count }

    /// The endpoints that a service uses: those healthy enough for it.
    public func endpoints(of service: Service) -> [ServiceEndpoint] {
        endpoints[service.key]?.all.filter { service.admits($0.workload.status) } ?? []
    }

    /// The endpoints of services that are not known yet.
    public var stagedEndpoints: [NamespacedHostname: [ServiceEndpoint]] {
        var staged: [NamespacedHostname: [ServiceEndpoint]] = [:]
        for (key, set) in endpoints where services[key] == nil { staged[key] = Array(set.all) }
        return staged
    }

    /// The policies that apply to a workload.
    public func policies(for workload: Workload) -> CompiledPolicySet {
        policies.compiled(namespace: workload.namespace, references: workload.authorizationPolicies)
    }
}

extension Workload {
    fileprivate var hostnameKey: NamespacedHostname? {
        hostname.isEmpty ? nil : NamespacedHostname(namespace: namespace, hostname: hostname)
    }
}
