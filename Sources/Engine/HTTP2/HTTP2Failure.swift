/// The whole connection is lost, with every stream on it.
public struct HTTP2ConnectionFailure: Error, Equatable, Sendable {
    /// What became of the connection.
    public enum Kind: Equatable, Sendable {
        /// The peer does not speak HTTP/2: its first bytes are not the preface.
        case notHTTP2
        /// The peer broke the protocol; GOAWAY with this code was handed to the delegate.
        case violation(HTTP2ErrorCode)
        /// The peer did something legal too often; GOAWAY with ENHANCE_YOUR_CALM was handed to the delegate.
        case abused(HTTP2Abuse)
        /// The peer made more work than it let us answer.
        case flooded
        case outOfMemory
        /// A mistake of ours.
        case misuse
    }

    public let kind: Kind
    /// For the log; wording is free.
    public let reason: String

    public init(_ kind: Kind, reason: String) {
        self.kind = kind
        self.reason = reason
    }
}

/// One stream could not be had or used; the connection and its other streams go on.
public enum HTTP2StreamFailure: Error, Equatable, Sendable {
    /// The connection takes no new streams: GOAWAY went either way, or it is closed.
    case goingAway
    /// The 2^30 stream numbers of the connection are used up.
    case identifiersExhausted
    /// The stream ended meanwhile.
    case streamClosed
    /// Field names or values that HTTP/2 cannot carry.
    case invalidFields
    case outOfMemory
}
