/// A request to have a key certified (`istio.v1.auth`).
public struct IstioCertificateRequest: ProtobufMessage {
    /// PEM.
    public var csr = ""
    /// Seconds; zero leaves it to the server.
    public var validityDuration: Int64 = 0
    public var metadata: Struct?

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "csr", &csr)
        try visitor.field(3, "validityDuration", &validityDuration)
        try visitor.field(4, "metadata", &metadata)
    }
}

/// The answer to `IstioCertificateRequest`.
public struct IstioCertificateResponse: ProtobufMessage {
    /// PEM, the leaf first, the roots last.
    public var certChain: [String] = []

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "certChain", &certChain)
    }
}
