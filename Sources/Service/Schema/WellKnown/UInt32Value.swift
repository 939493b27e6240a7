/// A number whose presence counts (`google.protobuf.UInt32Value`); a plain number in JSON.
public struct UInt32Value: ProtobufMessage {
    public var value: UInt32 = 0

    public init() {}
    public init(_ value: UInt32) { self.value = value }

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "value", &value)
    }

    public func write(to json: inout JSONWriter) { value.write(to: &json) }
}
