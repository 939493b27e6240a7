/// A message without fields (`google.protobuf.Empty`): its presence is all it says.
public struct EmptyMessage: ProtobufMessage {
    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}
