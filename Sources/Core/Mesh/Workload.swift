public import Identity
public import Primitives
public import Wire

/// One workload of the mesh: a pod, a virtual machine, an endpoint outside.
///
/// An immutable object, shared by every version of the state and by the connections that speak of it.
public final class Workload: Sendable {
    /// How a workload takes connections from the mesh.
    public enum TunnelProtocol: Hashable, Sendable {
        /// As plain TCP.
        case none
        case hbone
    }

    /// Whether a workload takes connections.
    public enum Status: Hashable, Sendable {
        case healthy
        case unhealthy
    }

    /// A workload that takes all connections on one port of its own, such as a waypoint or a sandwiched gateway.
    public struct ApplicationTunnel: Hashable, Sendable {
        /// Whether connections begin with a PROXY protocol header that tells where they wanted to go.
        public var usesProxyProtocol: Bool
        /// The port; nil where connections keep theirs.
        public var port: UInt16?

        public init(usesProxyProtocol: Bool, port: UInt16?) {
            self.usesProxyProtocol = usesProxyProtocol
            self.port = port
        }
    }

    /// A service that a workload is an endpoint of.
    public struct Membership: Hashable, Sendable {
        public let service: NamespacedHostname
        public let ports: PortMap

        public init(_ service: NamespacedHostname, ports: PortMap) {
            self.service = service
            self.ports = ports
        }
    }

    /// The primary key.
    public let uid: String
    public let name: String
    public let namespace: String
    public let serviceAccount: String
    public let trustDomain: String
    public let network: String
    public let addresses: [IPAddress]
    /// A name to look up when there are no addresses; empty for most.
    public let hostname: String
    public let node: String
    public let cluster: String
    public let locality: Locality
    public let workloadType: Baggage.WorkloadType
    public let workloadName: String
    public let canonicalName: String
    public let canonicalRevision: String
    public let tunnelProtocol: TunnelProtocol
    /// A workload on its node's own address, by which it cannot be told from others.
    public let usesHostNetwork: Bool
    /// A workload that takes HBONE by itself.
    public let hasNativeTunnel: Bool
    public let status: Status
    /// Its share of a service's connections.
    public let capacity: UInt32
    /// The waypoint for connections to its own address.
    public let waypoint: GatewayAddress?
    /// The way in from other networks.
    public let networkGateway: GatewayAddress?
    public let applicationTunnel: ApplicationTunnel?
    /// Keys of the policies of scope workload that apply to it.
    public let authorizationPolicies: [String]
    public let services: [Membership]

    public init(
        uid: String, name: String, namespace: String, serviceAccount: String = "default",
        trustDomain: String = "cluster.local", network: String = "", addresses: [IPAddress] = [], hostname: String = "",
        node: String = "", cluster: String = "Kubernetes", locality: Locality = Locality(),
        workloadType: Baggage.WorkloadType = .pod, workloadName: String = "", canonicalName: String = "",
        canonicalRevision: String = "", tunnelProtocol: TunnelProtocol = .none, usesHostNetwork: Bool = false,
        hasNativeTunnel: Bool = false, status: Status = .healthy, capacity: UInt32 = 1,
        waypoint: GatewayAddress? = nil, networkGateway: GatewayAddress? = nil,
        applicationTunnel: ApplicationTunnel? = nil, authorizationPolicies: [String] = [], services: [Membership] = []
    ) {
        self.uid = uid
        self.name = name
        self.namespace = namespace
        self.serviceAccount = serviceAccount
        self.trustDomain = trustDomain
        self.network = network
        self.addresses = addresses
        self.hostname = hostname
        self.node = node
        self.cluster = cluster
        self.locality = locality
        self.workloadType = workloadType
        self.workloadName = workloadName
        self.canonicalName = canonicalName
        self.canonicalRevision = canonicalRevision
        self.tunnelProtocol = tunnelProtocol
        self.usesHostNetwork = usesHostNetwork
        self.hasNativeTunnel = hasNativeTunnel
        self.status = status
        self.capacity = capacity
        self.waypoint = waypoint
        self.networkGateway = networkGateway
        self.applicationTunnel = applicationTunnel
        self.authorizationPolicies = authorizationPolicies
        self.services = services
    }

    /// What its certificate must say.
    public var identity: SPIFFEID {
        SPIFFEID(trustDomain: trustDomain, namespace: namespace, serviceAccount: serviceAccount)
    }

    public var account: ServiceAccountName {
        ServiceAccountName(namespace: namespace, serviceAccount: serviceAccount)
    }

    /// The ports under which it serves a service; nil when it is no endpoint of it.
    public func ports(for service: NamespacedHostname) -> PortMap? { services.first { $0.service == service }?.ports }

    /// Its description for a peer's telemetry.
    public var baggage: Baggage {
        var baggage = Baggage()
        baggage.cluster = cluster
        baggage.namespace = namespace
        baggage.workloadType = workloadType
        baggage.workloadName = workloadName
        baggage.canonicalName = canonicalName
        baggage.canonicalRevision = canonicalRevision
        baggage.region = locality.region
        baggage.zone = locality.zone
        return baggage
    }
}
