/// One addressable instance of an application: a pod, a static endpoint, a gateway (`istio.workload.Workload`).
public struct Workload: ProtobufMessage {
    public var name = ""
    public var namespace = ""
    /// IP addresses in network byte order, 4 or 16 bytes each.
    public var addresses: [[UInt8]] = []
    public var network = ""
    public var tunnelProtocol = TunnelProtocol.absent
    /// Empty means `cluster.local`.
    public var trustDomain = ""
    /// Empty means `default`.
    public var serviceAccount = ""
    public var waypoint: GatewayAddress?
    public var node = ""
    public var canonicalName = ""
    public var canonicalRevision = ""
    public var workloadType = WorkloadType.absent
    public var workloadName = ""
    /// Whether the workload itself speaks the tunnel protocol.
    public var nativeTunnel = false
    /// `namespace/name` of the selector policies that apply.
    public var authorizationPolicies: [String] = []
    public var status = WorkloadStatus.absent
    /// Empty means `Kubernetes`.
    public var clusterID = ""
    public var networkGateway: GatewayAddress?
    /// The resource name.
    public var uid = ""
    /// A name to resolve when there is no address.
    public var hostname = ""
    /// Keyed by `namespace/hostname`.
    public var services: [String: PortList] = [:]
    public var applicationTunnel: ApplicationTunnel?
    public var locality: Locality?
    public var networkMode = NetworkMode.absent
    public var extensions: [Extension] = []
    /// The share in load balancing; absent means 1.
    public var capacity: UInt32Value?

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "name", &name)
        try visitor.field(2, "namespace", &namespace)
        try visitor.field(3, "addresses", &addresses)
        try visitor.field(4, "network", &network)
        try visitor.field(5, "tunnelProtocol", &tunnelProtocol)
        try visitor.field(6, "trustDomain", &trustDomain)
        try visitor.field(7, "serviceAccount", &serviceAccount)
        try visitor.field(8, "waypoint", &waypoint)
        try visitor.field(9, "node", &node)
        try visitor.field(10, "canonicalName", &canonicalName)
        try visitor.field(11, "canonicalRevision", &canonicalRevision)
        try visitor.field(12, "workloadType", &workloadType)
        try visitor.field(13, "workloadName", &workloadName)
        try visitor.field(14, "nativeTunnel", &nativeTunnel)
        try visitor.field(16, "authorizationPolicies", &authorizationPolicies)
        try visitor.field(17, "status", &status)
        try visitor.field(18, "clusterId", &clusterID)
        try visitor.field(19, "networkGateway", &networkGateway)
        try visitor.field(20, "uid", &uid)
        try visitor.field(21, "hostname", &hostname)
        try visitor.field(22, "services", &services)
        try visitor.field(23, "applicationTunnel", &applicationTunnel)
        try visitor.field(24, "locality", &locality)
        try visitor.field(25, "networkMode", &networkMode)
        try visitor.field(26, "extensions", &extensions)
        try visitor.field(27, "capacity", &capacity)
    }
}
