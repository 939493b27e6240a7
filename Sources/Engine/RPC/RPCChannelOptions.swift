public import Primitives
public import System

/// How a channel makes its connection and its calls.
public struct RPCChannelOptions: Sendable {
    /// Names of which the server's certificate must carry one, instead of the target's.
    public var serverName: String?
    public var alternativeNames: [String] = []
    /// Fields of each call, before those that belong to gRPC.
    public var extraFields: [HTTPField] = []
    public var timing = RPCTiming()
    public var tcpKeepAlive: TCPSocket.KeepAlive? = TCPSocket.KeepAlive(
        idleSeconds: 300, intervalSeconds: 75, probes: 9)
    public var responseByteCountMax = Limits.rpcResponseByteCountMax

    public init() {}
}
