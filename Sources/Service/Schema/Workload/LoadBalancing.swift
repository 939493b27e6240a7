/// How an endpoint of a service is chosen.
public struct LoadBalancing: ProtobufMessage {
    /// From the most to the least important.
    public var routingPreference: [Scope] = []
    public var mode = Mode.absent
    public var healthPolicy = HealthPolicy.absent

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "routingPreference", &routingPreference)
        try visitor.field(2, "mode", &mode)
        try visitor.field(3, "healthPolicy", &healthPolicy)
    }
}

extension LoadBalancing {
    /// What an endpoint has in common with its client.
    public struct Scope: ProtobufEnum {
        public static let names = ["UNSPECIFIED_SCOPE", "REGION", "ZONE", "SUBZONE", "NODE", "CLUSTER", "NETWORK"]
        public static let unspecified = Scope(rawValue: 0)
        public static let region = Scope(rawValue: 1)
        public static let zone = Scope(rawValue: 2)
        public static let subzone = Scope(rawValue: 3)
        public static let node = Scope(rawValue: 4)
        public static let cluster = Scope(rawValue: 5)
        public static let network = Scope(rawValue: 6)

        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
    }

    /// What the preferences mean.
    public struct Mode: ProtobufEnum {
        public static let names = ["UNSPECIFIED_MODE", "STRICT", "FAILOVER", "PASSTHROUGH"]
        public static let unspecified = Mode(rawValue: 0)
        public static let strict = Mode(rawValue: 1)
        public static let failover = Mode(rawValue: 2)
        public static let passthrough = Mode(rawValue: 3)

        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
    }

    /// Whether unhealthy endpoints are chosen too.
    public struct HealthPolicy: ProtobufEnum {
        public static let names = ["ONLY_HEALTHY", "ALLOW_ALL"]
        public static let onlyHealthy = HealthPolicy(rawValue: 0)
        public static let allowAll = HealthPolicy(rawValue: 1)

        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
    }
}
