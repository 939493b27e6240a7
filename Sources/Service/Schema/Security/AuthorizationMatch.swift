extension Authorization {
    /// Fires if all of its fields do: a field by any of its values, a `not` field if none of them matches. An empty
    /// one never fires.
    public struct Match: ProtobufMessage {
        public var namespaces: [StringMatch] = []
        public var notNamespaces: [StringMatch] = []
        public var principals: [StringMatch] = []
        public var notPrincipals: [StringMatch] = []
        public var sourceIPs: [Range] = []
        public var notSourceIPs: [Range] = []
        public var destinationIPs: [Range] = []
        public var notDestinationIPs: [Range] = []
        public var destinationPorts: [UInt32] = []
        public var notDestinationPorts: [UInt32] = []
        public var serviceAccounts: [ServiceAccountMatch] = []
        public var notServiceAccounts: [ServiceAccountMatch] = []
        public var extensions: [Extension] = []

        public init() {}

        public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
            try visitor.field(1, "namespaces", &namespaces)
            try visitor.field(2, "notNamespaces", &notNamespaces)
            try visitor.field(3, "principals", &principals)
            try visitor.field(4, "notPrincipals", &notPrincipals)
            try visitor.field(5, "sourceIps", &sourceIPs)
            try visitor.field(6, "notSourceIps", &notSourceIPs)
            try visitor.field(7, "destinationIps", &destinationIPs)
            try visitor.field(8, "notDestinationIps", &notDestinationIPs)
            try visitor.field(9, "destinationPorts", &destinationPorts)
            try visitor.field(10, "notDestinationPorts", &notDestinationPorts)
            try visitor.field(11, "serviceAccounts", &serviceAccounts)
            try visitor.field(12, "notServiceAccounts", &notServiceAccounts)
            try visitor.field(13, "extensions", &extensions)
        }
    }

    /// A range of IP addresses.
    public struct Range: ProtobufMessage {
        /// 4 or 16 bytes in network byte order.
        public var address: [UInt8] = []
        /// The prefix length.
        public var length: UInt32 = 0

        public init() {}

        public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
            try visitor.field(1, "address", &address)
            try visitor.field(2, "length", &length)
        }
    }

    /// A service account by name.
    public struct ServiceAccountMatch: ProtobufMessage {
        public var namespace = ""
        public var serviceAccount = ""

        public init() {}

        public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
            try visitor.field(1, "namespace", &namespace)
            try visitor.field(2, "serviceAccount", &serviceAccount)
        }
    }
}
