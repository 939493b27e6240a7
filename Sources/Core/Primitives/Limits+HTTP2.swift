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
    public static let http2WaitingAcknowledgementCountMax = 4000
    /// Entries in one SETTINGS frame.
    public static let http2SettingsEntryCountMax = 32
    /// CONTINUATION frames after one HEADERS frame.
    public static let http2ContinuationCountMax = 16
    /// What a peer sends before its first frame (RFC 9113 3.4).
    public static let http2PrefaceByteCount = 24
    /// A header block may be so many times as large on the wire as the list of fields that it stands for.
    public static let http2BlockFactor = 2

    /// A list of fields that turns out so many times as large as we take is not even decoded to its end.
    public static let http2FieldListFactor = 8

    /// What a peer may do at once, and per second thereafter, before it loses its connection. None of it moves
    /// anything; peers that mean well stay far below, even where many streams open, speak in single bytes, and end.
    public static let http2Pings = RateLimit(burst: 2_000, perSecond: 1_000)
    public static let http2Settings = RateLimit(burst: 200, perSecond: 20)
    /// PRIORITY, and types that mean nothing to us; of each.
    public static let http2IdleFrames = RateLimit(burst: 2_000, perSecond: 200)
    /// Beside two for each DATA frame that we send.
    public static let http2WindowUpdates = RateLimit(burst: 20_000, perSecond: 5_000)
    public static let http2EmptyData = RateLimit(burst: 5_000, perSecond: 1_000)
    /// 1,000 terminals at 100 keys a second each.
    public static let http2SmallData = RateLimit(burst: 200_000, perSecond: 100_000)
    public static let http2Continuations = RateLimit(burst: 5_000, perSecond: 1_000)
    /// Each made us dial an application for nothing. Those that a full tunnel withdraws at once fit in twice.
    public static let http2WithdrawnRequests = RateLimit(burst: 2_500, perSecond: 500)
    /// Both ends reset a stream at the same time: so ends each request that is refused.
    public static let http2StrayResets = RateLimit(burst: 20_000, perSecond: 10_000)
    public static let http2RefusedRequests = RateLimit(burst: 2_500, perSecond: 500)
    /// Invalid frames, and interim responses; of each.
    public static let http2Mistakes = RateLimit(burst: 200, perSecond: 20)
    /// Field lists that are too large. To find that out took more than their bytes.
    public static let http2OversizedFieldLists = RateLimit(burst: 20, perSecond: 2)
    /// Fields beyond so many of one list, and KiB of it beyond so many bytes.
    public static let http2Fields = RateLimit(burst: 4_000, perSecond: 1_000)
    public static let http2FreeFieldCount = 64
    public static let http2FreeFieldByteCount = 16 * 1024
    /// A field for which a block has hardly room, on the wire.
    public static let http2SmallFieldByteCount = 8
    /// Where nghttp2's remark on a field has named it, at most.
    public static let http2RemarkByteCount = 128
    public static let http2ForcedResets = RateLimit(burst: 2_500, perSecond: 500)
    /// What nghttp2 itself finds suspicious, such as DATA on streams that are closed.
    public static let http2Glitches = RateLimit(burst: 200_000, perSecond: 20_000)
    /// DATA frames with no more payload than this count as small.
    public static let http2SmallDataByteCountMax = 8
    /// What a peer can earn by what it is sent.
    public static let http2EarnedFrameCountMax = 1_000_000
    /// Streams beyond the advertised number that are refused one by one; a peer that passes this too loses its
    /// connection.
    public static let http2ExcessStreamCountMax = 100
}
