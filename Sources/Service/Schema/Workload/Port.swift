/// The ports of a workload under one service.
public struct PortList: ProtobufMessage {
    public var ports: [Port] = []

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "ports", &ports)
    }
}

/// A port of a service.
public struct Port: ProtobufMessage {
    public var servicePort: UInt32 = 0
    /// Zero when each endpoint has its own.
    public var targetPort: UInt32 = 0
    public var appProtocol = AppProtocol.absent

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "servicePort", &servicePort)
        try visitor.field(2, "targetPort", &targetPort)
        try visitor.field(3, "appProtocol", &appProtocol)
    }
}

/// What is spoken on a port, if known.
public struct AppProtocol: ProtobufEnum {
    public static let names = ["UNKNOWN", "HTTP11", "HTTP2", "GRPC", "TCP", "TLS"]
    public static let unknown = AppProtocol(rawValue: 0)
    public static let http11 = AppProtocol(rawValue: 1)
    public static let http2 = AppProtocol(rawValue: 2)
    public static let grpc = AppProtocol(rawValue: 3)
    public static let tcp = AppProtocol(rawValue: 4)
    public static let tls = AppProtocol(rawValue: 5)

    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
}
