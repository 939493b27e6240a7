/// An address, or a range of them, in a network.
public struct NetworkAddress: ProtobufMessage {
    public var network = ""
    /// 4 or 16 bytes in network byte order.
    public var address: [UInt8] = []
    /// The prefix length; absent means one address.
    public var length: UInt32?

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "network", &network)
        try visitor.field(2, "address", &address)
        try visitor.field(3, "length", &length)
    }
}
