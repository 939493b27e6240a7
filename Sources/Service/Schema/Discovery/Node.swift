/// Who a discovery client is.
public struct Node: ProtobufMessage {
    public var id = ""
    public var cluster = ""
    public var metadata: Struct?
    public var buildVersion = ""

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "id", &id)
        try visitor.field(2, "cluster", &cluster)
        try visitor.field(3, "metadata", &metadata)
        try visitor.field(5, "buildVersion", &buildVersion)
    }
}
