/// The outcome of one request.
public struct Ack: ProtobufMessage {
    /// Empty when all went well.
    public var error = ""

    public init() {}
    public init(error: String) { self.error = error }

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "error", &error)
    }
}

/// A packet from the node proxy to the agent: exactly one for each request, in order.
public struct WorkloadResponse: ProtobufMessage {
    /// Nil for a payload that this version does not know.
    public var ack: Ack?

    public init() {}
    public init(_ ack: Ack) { self.ack = ack }

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "ack", &ack)
    }
}
