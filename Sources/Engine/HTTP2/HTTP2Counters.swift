/// What a session turned away or had to put up with.
public struct HTTP2Counters: Equatable, Sendable {
    /// Requests refused because as many streams were open as we advertise, or the owner wanted no more.
    public var refusedStreamCount = 0
    /// Requests and responses whose field list was too long.
    public var oversizedFieldListCount = 0
    /// Frames that broke the protocol.
    public var invalidFrameCount = 0
    public var resetReceivedCount = 0
    public var resetSentCount = 0
    public var pingReceivedCount = 0

    public init() {}
}
