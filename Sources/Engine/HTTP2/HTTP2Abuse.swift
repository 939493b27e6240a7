import Primitives

/// What a peer may do too often: each is legal now and then, moves nothing, and makes work.
public enum HTTP2Abuse: Int, CaseIterable, Sendable {
    case pings
    case settings
    case priorities
    case windowUpdates
    /// DATA without payload that does not end its stream.
    case emptyData
    /// DATA with hardly any payload.
    case smallData
    /// CONTINUATION frames of one block.
    case continuations
    /// Header blocks whose bytes on the wire alone are too many.
    case largeBlocks
    /// Requests that were withdrawn before they were answered.
    case withdrawnRequests
    /// Resets of streams that were closed already.
    case strayResets
    /// Requests beyond the number of streams that we take.
    case refusedRequests
    case oversizedFieldLists
    /// Fields of one list, or KiB of them, beyond what a request has.
    case fields
    case invalidFrames
    /// Responses that say that another will follow.
    case interimResponses
    /// Streams that the peer made us reset.
    case forcedResets
    /// Frames of types that mean nothing to us, GOAWAY again and again.
    case otherFrames
}

extension HTTP2Abuse: CustomStringConvertible {
    /// In words for the log.
    public var description: String {
        switch self {
        case .pings: "too many PING frames"
        case .settings: "too many SETTINGS frames"
        case .priorities: "too many PRIORITY frames"
        case .windowUpdates: "too many WINDOW_UPDATE frames"
        case .emptyData: "too many empty DATA frames"
        case .smallData: "too many small DATA frames"
        case .continuations: "too many CONTINUATION frames"
        case .largeBlocks: "a header block of too many bytes"
        case .withdrawnRequests: "too many requests withdrawn before their answer"
        case .strayResets: "too many resets of closed streams"
        case .refusedRequests: "too many requests beyond the streams that may be open"
        case .oversizedFieldLists: "too many field lists that are too large"
        case .fields: "too many fields"
        case .invalidFrames: "too many invalid frames"
        case .interimResponses: "too many interim responses"
        case .forcedResets: "too many streams reset for what was sent on them"
        case .otherFrames: "too many frames of types that carry nothing"
        }
    }

    /// How often it is borne.
    var limit: RateLimit {
        switch self {
        case .pings: Limits.http2Pings
        case .settings: Limits.http2Settings
        case .priorities, .otherFrames: Limits.http2IdleFrames
        case .windowUpdates: Limits.http2WindowUpdates
        case .emptyData: Limits.http2EmptyData
        case .smallData: Limits.http2SmallData
        case .continuations: Limits.http2Continuations
        case .fields: Limits.http2Fields
        // Measured otherwise: one is too many.
        case .largeBlocks: RateLimit(burst: 0, perSecond: 0)
        case .withdrawnRequests: Limits.http2WithdrawnRequests
        case .strayResets: Limits.http2StrayResets
        case .refusedRequests: Limits.http2RefusedRequests
        case .oversizedFieldLists: Limits.http2OversizedFieldLists
        case .invalidFrames, .interimResponses: Limits.http2Mistakes
        case .forcedResets: Limits.http2ForcedResets
        }
    }
}
