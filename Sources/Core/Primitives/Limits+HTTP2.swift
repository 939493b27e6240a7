/// HTTP/2 connections, tunnels and RPC alike.
extension Limits {
    /// A chunk handed to TLS fills at most one record (RFC 8446 5.1).
    public static let tlsRecordByteCount = 16384
    /// The header of a frame (RFC 9113 4.1).
    public static let http2FrameHeaderByteCount = 9
    /// No DATA frame is begun in a record with less room than this: a stub of a frame costs more than a part-filled
    /// record.
    public static let http2DataRoomByteCountMin = 1024

    /// Acknowledgements (SETTINGS, PING) that may wait unsent before the peer counts as flooding us.
    public static let http2WaitingAcknowledgementCountMax = 1000
    /// Entries in one SETTINGS frame.
    public static let http2SettingsEntryCountMax = 32
    /// CONTINUATION frames after one HEADERS frame.
    public static let http2ContinuationCountMax = 16
    /// Streams that a peer may reset at once, and per second thereafter, before the connection ends. A busy node whose
    /// pods are refused by policy legitimately resets a stream per attempt, hence far more than nghttp2's own 1000 and
    /// 33.
    public static let http2ResetBurstCount: UInt64 = 20_000
    public static let http2ResetPerSecondCount: UInt64 = 2_000
    /// Streams beyond the advertised number that are refused one by one; a peer that passes this too loses its
    /// connection.
    public static let http2ExcessStreamCountMax = 100
}
