/// An outcome in the terms of gRPC (`google.rpc.Status`).
public struct Status: ProtobufMessage {
    public var code: Int32 = 0
    public var message = ""
    public var details: [AnyMessage] = []

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "code", &code)
        try visitor.field(2, "message", &message)
        try visitor.field(3, "details", &details)
    }
}
