/// Where a gateway (a waypoint, or one to another network) is reached.
public struct GatewayAddress: ProtobufMessage {
    /// Nil is no valid gateway.
    public var destination: Destination?
    public var hboneMTLSPort: UInt32 = 0

    public init() {}

    /// The gateway by name or by address.
    public enum Destination: Hashable, Sendable {
        case hostname(NamespacedHostname)
        case address(NetworkAddress)
    }

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "hostname", &hostname)
        try visitor.field(2, "address", &address)
        try visitor.field(3, "hboneMtlsPort", &hboneMTLSPort)
    }

    private var hostname: NamespacedHostname? {
        get { if case .hostname(let value) = destination { value } else { nil } }
        set { if let newValue { destination = .hostname(newValue) } }
    }
    private var address: NetworkAddress? {
        get { if case .address(let value) = destination { value } else { nil } }
        set { if let newValue { destination = .address(newValue) } }
    }
}
