/// Where a workload runs.
public struct Locality: ProtobufMessage {
    public var region = ""
    public var zone = ""
    public var subzone = ""

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "region", &region)
        try visitor.field(2, "zone", &zone)
        try visitor.field(3, "subzone", &subzone)
    }
}
