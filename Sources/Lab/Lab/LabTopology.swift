public import Primitives
public import Schema

/// What a lab is made of: nodes, the pods on them, and the service addresses that lead to pods.
public struct LabTopology: Equatable, Sendable {
    /// A pod and where it runs.
    public struct Pod: Equatable, Sendable {
        public let namespace: String
        public let name: String
        public let node: String
        public let addresses: [IPAddress]
        /// Whether it lives in its node's network.
        public let isOnHostNetwork: Bool

        public init(
            namespace: String, name: String, node: String, addresses: [IPAddress], isOnHostNetwork: Bool = false
        ) {
            self.namespace = namespace
            self.name = name
            self.node = node
            self.addresses = addresses
            self.isOnHostNetwork = isOnHostNetwork
        }

        /// `namespace/name`.
        public var path: String { "\(namespace)/\(name)" }
    }

    /// One port of a service address and where it leads.
    public struct Route: Equatable, Sendable {
        public let address: Endpoint
        /// Of the same family.
        public let backends: [Endpoint]

        public init(address: Endpoint, backends: [Endpoint]) {
            self.address = address
            self.backends = backends
        }
    }

    /// A name that resolves to addresses, as cluster DNS would have it.
    public struct Name: Equatable, Sendable {
        public let namespace: String
        public let service: String
        public let hostname: String
        public let addresses: [IPAddress]

        public init(namespace: String, service: String, hostname: String, addresses: [IPAddress]) {
            self.namespace = namespace
            self.service = service
            self.hostname = hostname
            self.addresses = addresses
        }
    }

    public var pods: [Pod]
    public var routes: [Route]
    public var names: [Name]

    public init(pods: [Pod], routes: [Route] = [], names: [Name] = []) {
        self.pods = pods
        self.routes = routes
        self.names = names
    }

    /// The nodes that pods run on, sorted.
    public var nodes: [String] { Set(pods.map(\.node)).sorted() }
}

extension LabTopology {
    /// From what the control plane makes of a cluster: pods with a node and an address, and services with theirs.
    public init(_ resources: some Sequence<Address>) {
        var workloads: [Workload] = []
        var services: [Service] = []
        for resource in resources {
            switch resource.kind {
            case .workload(let workload): workloads.append(workload)
            case .service(let service): services.append(service)
            case nil: break
            }
        }
        let pods = workloads.filter { $0.uid.contains("//Pod/") && !$0.node.isEmpty && !$0.addresses.isEmpty }
            .sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }
        self.init(
            pods: pods.map { workload in
                Pod(
                    namespace: workload.namespace, name: workload.name, node: workload.node,
                    addresses: workload.addresses.compactMap { IPAddress(bytes: $0) },
                    isOnHostNetwork: workload.networkMode == .hostNetwork)
            })
        for service in services.sorted(by: { ($0.namespace, $0.name) < ($1.namespace, $1.name) }) {
            let key = "\(service.namespace)/\(service.hostname)"
            let ready = pods.filter { $0.services[key] != nil && $0.status == .healthy }
            let addresses = service.addresses.filter { $0.length == nil }.compactMap { IPAddress(bytes: $0.address) }
            for address in addresses {
                for port in service.ports {
                    let backends = ready.flatMap { Self.backends(of: $0, key, port: port.servicePort, address.family) }
                    guard let number = UInt16(exactly: port.servicePort) else { continue }
                    routes.append(Route(address: Endpoint(address, port: number), backends: backends))
                }
            }
            let headless = ready.flatMap { $0.addresses.compactMap { IPAddress(bytes: $0) } }
            names.append(
                Name(
                    namespace: service.namespace, service: service.name, hostname: service.hostname,
                    addresses: addresses.isEmpty ? headless : addresses))
        }
    }

    private static func backends(
        of workload: Workload, _ service: String, port: UInt32, _ family: IPAddress.Family
    ) -> [Endpoint] {
        let target = workload.services[service]?.ports.first { $0.servicePort == port }?.targetPort
        guard let target, let number = UInt16(exactly: target) else { return [] }
        return workload.addresses.compactMap { IPAddress(bytes: $0) }.filter { $0.family == family }
            .map { Endpoint($0, port: number) }
    }
}
