/// Calls to and from the control plane.
extension Limits {
    /// A message a client of the control plane takes (ztunnel).
    public static let rpcResponseByteCountMax = 200 << 20
    /// A message a server takes.
    public static let rpcRequestByteCountMax = 4 << 20
    /// Bytes of messages that may wait for a slow peer before the call ends with RESOURCE_EXHAUSTED.
    public static let rpcWaitingByteCountMax = 1 << 30
    /// A stream tells that it is drained when fewer bytes than this wait.
    public static let rpcDrainedByteCount = 64 << 10
    /// Ciphertext gathered for one write.
    public static let rpcOutgoingByteCountMax = 256 << 10
    /// Bytes read from one connection in a turn.
    public static let rpcTurnByteCountMax = 1 << 20

    public static let rpcConnectDuration = Duration.seconds(5)
    /// ztunnel waits for a silent TLS server without end.
    public static let rpcHandshakeDuration = Duration.seconds(10)
    /// A server that has died is found within the sum of these two. istiod takes a ping every 15 s at the most.
    public static let rpcKeepAliveInterval = Duration.seconds(18)
    public static let rpcKeepAliveTimeout = Duration.seconds(8)
    /// Addresses of one name that are tried.
    public static let rpcAddressCountMax = 16

    /// Connections of a server whose peer has not yet made a call that was let in, and all together.
    public static let rpcUnprovenConnectionCountMax = 256
    public static let rpcConnectionCountMax = 4096
    /// An accepted connection without a call that was let in is closed after this.
    public static let rpcUnprovenDuration = Duration.seconds(30)
    public static let rpcServerStreamCountMax: UInt32 = 128
    /// A server out of descriptors pauses this long before it accepts again.
    public static let rpcAcceptPause = Duration.milliseconds(100)
}
