public import Primitives
public import RPC
public import TLS

/// How a discovery client reaches its control plane. What may change on disk is asked for anew at each connection.
public struct DiscoveryOptions {
    public var target: RPCTarget
    /// The trust to connect with.
    public var context: () throws -> TLSContext
    /// Fields that prove who we are.
    public var credentials: () throws -> [HTTPField]
    public var channel: RPCChannelOptions

    public init(
        target: RPCTarget, context: @escaping () throws -> TLSContext,
        credentials: @escaping () throws -> [HTTPField] = { [] }, channel: RPCChannelOptions = RPCChannelOptions()
    ) {
        self.target = target
        self.context = context
        self.credentials = credentials
        self.channel = channel
    }
}
