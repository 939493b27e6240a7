/// One waypoint of a split.
public struct WeightedWaypoint: ProtobufMessage {
    public var destination: GatewayAddress?
    public var weight: UInt32 = 0

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "destination", &destination)
        try visitor.field(2, "weight", &weight)
    }
}
