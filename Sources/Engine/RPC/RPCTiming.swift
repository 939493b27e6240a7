import Primitives

/// How long a connection waits for its peer.
public struct RPCTiming: Sendable, Equatable {
    /// For the lookup of a name, and for each address of it that is tried.
    public var connect = Limits.rpcConnectDuration
    /// For the handshake of TLS.
    public var handshake = Limits.rpcHandshakeDuration
    /// From one answer to the next ping.
    public var keepAliveInterval = Limits.rpcKeepAliveInterval
    /// For the answer to a ping, before the connection is given up.
    public var keepAliveTimeout = Limits.rpcKeepAliveTimeout

    public init() {}
}
