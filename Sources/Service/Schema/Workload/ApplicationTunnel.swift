/// How the application behind the node proxy wants its connections handed over.
public struct ApplicationTunnel: ProtobufMessage {
    public var tunnelProtocol = Tunnel.absent
    /// Zero means unset.
    public var port: UInt32 = 0

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "protocol", &tunnelProtocol)
        try visitor.field(2, "port", &port)
    }
}

extension ApplicationTunnel {
    /// What precedes the application's bytes.
    public struct Tunnel: ProtobufEnum {
        public static let names = ["NONE", "PROXY"]
        public static let none = Tunnel(rawValue: 0)
        public static let proxy = Tunnel(rawValue: 1)

        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
    }
}
