/// What changed, on a delta stream.
public struct DeltaDiscoveryResponse: ProtobufMessage {
    public var systemVersionInfo = ""
    /// New or with new content.
    public var resources: [Resource] = []
    public var typeURL = ""
    public var nonce = ""
    public var removedResources: [String] = []

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "systemVersionInfo", &systemVersionInfo)
        try visitor.field(2, "resources", &resources)
        try visitor.field(4, "typeUrl", &typeURL)
        try visitor.field(5, "nonce", &nonce)
        try visitor.field(6, "removedResources", &removedResources)
    }
}

/// A resource of any type under its name.
public struct Resource: ProtobufMessage {
    public var version = ""
    public var resource: AnyMessage?
    public var name = ""
    public var aliases: [String] = []

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "version", &version)
        try visitor.field(2, "resource", &resource)
        try visitor.field(3, "name", &name)
        try visitor.field(4, "aliases", &aliases)
    }
}
