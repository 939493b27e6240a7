public import Identity
import Primitives

/// A service of the mesh: names and addresses that stand for endpoints. An immutable object without its endpoints,
/// which `MeshState` knows.
public final class Service: Sendable {
    /// Who may use a service.
    public enum Visibility: Hashable, Sendable {
        case everyone
        /// Clients of the service's own namespace.
        case namespace
    }

    /// The address families on which a service is offered.
    public enum IPFamilies: Hashable, Sendable {
        case automatic
        case v4Only
        case v6Only
        case dual

        func allows(_ family: IPAddress.Family) -> Bool {
            switch self {
            case .automatic, .dual: true
            case .v4Only: family == .v4
            case .v6Only: family == .v6
            }
        }
    }

    /// One of the waypoints that share a service's connections.
    public struct WeightedWaypoint: Hashable, Sendable {
        public let waypoint: GatewayAddress
        public let weight: UInt32

        public init(_ waypoint: GatewayAddress, weight: UInt32) {
            self.waypoint = waypoint
            self.weight = weight
        }
    }

    /// The primary key.
    public let key: NamespacedHostname
    public let name: String
    /// Virtual addresses; none for a headless service.
    public let addresses: [NetworkAddress]
    /// Virtual addresses by the network.
    public let prefixes: [NetworkPrefix]
    public let ports: PortMap
    /// Names that certificates of its endpoints may carry beside their own, as they were given.
    public let subjectAltNames: [String]
    /// Those of them that are identities.
    public let subjectIdentities: [SPIFFEID]
    public let waypoint: GatewayAddress?
    public let weightedWaypoints: [WeightedWaypoint]
    /// Nil where the control plane said nothing, which is the standard.
    public let loadBalancing: LoadBalancing?
    public let ipFamilies: IPFamilies
    /// Whether it goes before others with the same host name or address.
    public let isCanonical: Bool
    public let visibility: Visibility

    public init(
        name: String, namespace: String, hostname: String, addresses: [NetworkAddress] = [],
        prefixes: [NetworkPrefix] = [], ports: PortMap = PortMap(), subjectAltNames: [String] = [],
        waypoint: GatewayAddress? = nil, weightedWaypoints: [WeightedWaypoint] = [],
        loadBalancing: LoadBalancing? = nil, ipFamilies: IPFamilies = .automatic, isCanonical: Bool = false,
        visibility: Visibility = .everyone
    ) {
        key = NamespacedHostname(namespace: namespace, hostname: hostname)
        self.name = name
        self.addresses = addresses
        self.prefixes = prefixes
        self.ports = ports
        self.subjectAltNames = subjectAltNames
        subjectIdentities = subjectAltNames.compactMap { SPIFFEID($0) }
        self.waypoint = waypoint
        self.weightedWaypoints = weightedWaypoints
        self.loadBalancing = loadBalancing
        self.ipFamilies = ipFamilies
        self.isCanonical = isCanonical
        self.visibility = visibility
    }

    public var namespace: String { key.namespace }
    public var hostname: String { key.hostname }
    public var mode: LoadBalancing.Mode { loadBalancing?.mode ?? .standard }

    /// Whether clients of `namespace` may use the service.
    public func isVisible(from namespace: String) -> Bool { visibility == .everyone || namespace == self.namespace }

    /// Whether it uses endpoints of this status.
    public func admits(_ status: Workload.Status) -> Bool {
        status == .healthy || loadBalancing?.healthPolicy == .allowAll
    }
}
