/// A piece of configuration for one consumer; ignored here.
public struct Extension: ProtobufMessage {
    public var name = ""
    public var config: AnyMessage?

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "name", &name)
        try visitor.field(2, "config", &config)
    }
}
