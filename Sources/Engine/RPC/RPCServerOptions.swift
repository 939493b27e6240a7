import Primitives
public import System

/// How a server serves.
public struct RPCServerOptions: Sendable {
    public var timing = RPCTiming()
    public var requestByteCountMax = Limits.rpcRequestByteCountMax
    /// Connections whose peer has not yet made a call that was let in.
    public var unprovenConnectionCountMax = Limits.rpcUnprovenConnectionCountMax
    public var connectionCountMax = Limits.rpcConnectionCountMax
    public var listen = TCPSocket.ListenOptions()

    public init() { listen.reuseAddress = true }
}
