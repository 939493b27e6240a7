/// An encoded message beside the name of its type (`google.protobuf.Any`).
public struct AnyMessage: ProtobufMessage {
    public var typeURL = ""
    public var value: [UInt8] = []

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "typeUrl", &typeURL)
        try visitor.field(2, "value", &value)
    }
}
