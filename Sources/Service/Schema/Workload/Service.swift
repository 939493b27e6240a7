/// A name with addresses that stands for workloads (`istio.workload.Service`).
public struct Service: ProtobufMessage {
    public var name = ""
    public var namespace = ""
    /// The resource name is `namespace/hostname`.
    public var hostname = ""
    /// Virtual addresses; none for a headless service.
    public var addresses: [NetworkAddress] = []
    public var ports: [Port] = []
    /// Further identities accepted of its workloads.
    public var subjectAltNames: [String] = []
    public var waypoint: GatewayAddress?
    public var loadBalancing: LoadBalancing?
    public var ipFamilies = IPFamilies.absent
    public var extensions: [Extension] = []
    /// Whether this one wins among services of the same host name.
    public var canonical = false
    public var ingressUseWaypoint = false
    public var weightedWaypoints: [WeightedWaypoint] = []
    public var visibility = Visibility.absent

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "name", &name)
        try visitor.field(2, "namespace", &namespace)
        try visitor.field(3, "hostname", &hostname)
        try visitor.field(4, "addresses", &addresses)
        try visitor.field(5, "ports", &ports)
        try visitor.field(6, "subjectAltNames", &subjectAltNames)
        try visitor.field(7, "waypoint", &waypoint)
        try visitor.field(8, "loadBalancing", &loadBalancing)
        try visitor.field(9, "ipFamilies", &ipFamilies)
        try visitor.field(10, "extensions", &extensions)
        try visitor.field(11, "canonical", &canonical)
        try visitor.field(12, "ingressUseWaypoint", &ingressUseWaypoint)
        try visitor.field(13, "weightedWaypoints", &weightedWaypoints)
        try visitor.field(14, "visibility", &visibility)
    }
}

extension Service {
    /// Who may use a service.
    public struct Visibility: ProtobufEnum {
        public static let names = ["PUBLIC", "NAMESPACE"]
        public static let everywhere = Visibility(rawValue: 0)
        public static let namespace = Visibility(rawValue: 1)

        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
    }
}

/// The address families of a service.
public struct IPFamilies: ProtobufEnum {
    public static let names = ["AUTOMATIC", "IPV4_ONLY", "IPV6_ONLY", "DUAL"]
    public static let automatic = IPFamilies(rawValue: 0)
    public static let ipv4Only = IPFamilies(rawValue: 1)
    public static let ipv6Only = IPFamilies(rawValue: 2)
    public static let dual = IPFamilies(rawValue: 3)

    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
}
