/// A subscription, acknowledgement or refusal on a delta stream (`envoy.service.discovery.v3`).
public struct DeltaDiscoveryRequest: ProtobufMessage {
    /// Who asks; only in the first request of a type.
    public var node: Node?
    public var typeURL = ""
    public var resourceNamesSubscribe: [String] = []
    public var resourceNamesUnsubscribe: [String] = []
    /// What the client kept from an earlier stream, name to version.
    public var initialResourceVersions: [String: String] = [:]
    /// The response that is answered; empty when none is.
    public var responseNonce = ""
    /// Why the response was refused; absent when it was accepted.
    public var errorDetail: Status?

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "node", &node)
        try visitor.field(2, "typeUrl", &typeURL)
        try visitor.field(3, "resourceNamesSubscribe", &resourceNamesSubscribe)
        try visitor.field(4, "resourceNamesUnsubscribe", &resourceNamesUnsubscribe)
        try visitor.field(5, "initialResourceVersions", &initialResourceVersions)
        try visitor.field(6, "responseNonce", &responseNonce)
        try visitor.field(7, "errorDetail", &errorDetail)
    }
}
