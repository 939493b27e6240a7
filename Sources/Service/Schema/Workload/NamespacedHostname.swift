/// A service by name.
public struct NamespacedHostname: ProtobufMessage {
    public var namespace = ""
    public var hostname = ""

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "namespace", &namespace)
        try visitor.field(2, "hostname", &hostname)
    }
}
