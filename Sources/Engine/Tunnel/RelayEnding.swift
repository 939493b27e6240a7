public import HTTP2
public import System

/// How a relayed connection ended.
public enum RelayCause: Equatable, Sendable {
    /// Both directions ended in order.
    case completed
    /// The socket of the side that we accepted or dialled failed.
    case socketFailed(Errno)
    /// The peer reset the stream.
    case streamReset(HTTP2ErrorCode)
    /// The tunnel beneath the stream was lost.
    case tunnelLost(String)
    /// The peer lives and has not answered the request in time.
    case unanswered(String)
    /// The tunnel was lost, because the peer broke HTTP/2 or does not speak it.
    case http2Failed(String)
    /// The tunnel was closed because its peer's certificate was revoked.
    case peerRevoked(String)
    /// We ended it: policy, drain, or a relay that was silent for too long.
    case aborted(String)
}

extension RelayCause {
    /// What the loss of a tunnel means for its streams.
    init(_ failure: TunnelFailure) {
        self =
            switch failure {
            case _ where failure.isRevocation: .peerRevoked("\(failure)")
            case .http2: .http2Failed("\(failure)")
            default: .tunnelLost("\(failure)")
            }
    }
}

/// What a relayed connection moved, and how it ended.
public struct RelayEnding: Equatable, Sendable {
    public var cause: RelayCause
    /// Bytes read from the accepted or dialled socket.
    public var bytesFromSocket: UInt64
    /// Bytes given to that socket.
    public var bytesToSocket: UInt64

    public init(cause: RelayCause, bytesFromSocket: UInt64, bytesToSocket: UInt64) {
        self.cause = cause
        self.bytesFromSocket = bytesFromSocket
        self.bytesToSocket = bytesToSocket
    }
}
