import Primitives

/// Which end of the connection a session plays.
public enum HTTP2Role: Sendable {
    case client
    case server
}

/// What a session tells its peer at the start.
public struct HTTP2Settings: Equatable, Sendable {
    /// Bytes a stream may have under way to us.
    public var streamWindowByteCount: UInt32
    /// Bytes all streams together may have under way to us; at least 65535, which is where the protocol starts.
    public var connectionWindowByteCount: UInt32
    /// Largest frame accepted; 16384 to 16777215.
    public var frameByteCountMax: UInt32
    /// Largest list of fields accepted, counted as RFC 9113 6.5.2: 32 bytes for each field beside its name and value.
    public var fieldListByteCountMax: UInt32
    /// Streams the peer may have open at once; a server advertises it.
    public var streamCountMax: UInt32

    public init(
        streamWindowByteCount: UInt32, connectionWindowByteCount: UInt32, frameByteCountMax: UInt32,
        fieldListByteCountMax: UInt32, streamCountMax: UInt32
    ) {
        precondition(streamWindowByteCount <= 0x7fff_ffff && connectionWindowByteCount <= 0x7fff_ffff)
        precondition(connectionWindowByteCount >= 65535)
        precondition((16384...16_777_215).contains(frameByteCountMax))
        self.streamWindowByteCount = streamWindowByteCount
        self.connectionWindowByteCount = connectionWindowByteCount
        self.frameByteCountMax = frameByteCountMax
        self.fieldListByteCountMax = fieldListByteCountMax
        self.streamCountMax = streamCountMax
    }

    /// The opening end of a tunnel (ztunnel, but for the window of streams, which it begins at 4 MiB and we let grow).
    public static let tunnelClient = HTTP2Settings(
        streamWindowByteCount: Limits.streamWindowByteCount, connectionWindowByteCount: 16 << 20,
        frameByteCountMax: 1 << 20,
        fieldListByteCountMax: 16 << 10, streamCountMax: 0)

    /// The accepting end of a tunnel (ztunnel, but for the same and the number of streams: it allows 200).
    public static let tunnelServer = HTTP2Settings(
        streamWindowByteCount: Limits.streamWindowByteCount, connectionWindowByteCount: 16 << 20,
        frameByteCountMax: 1 << 20,
        fieldListByteCountMax: 64 << 10, streamCountMax: Limits.tunnelAcceptedStreamCountMax)
}
