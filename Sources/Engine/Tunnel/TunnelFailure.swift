public import HTTP2
public import System
public import TLS

/// Why a tunnel could not be had, or was lost, in words for the log.
public enum TunnelFailure: Error, Equatable, Sendable {
    /// The TCP connection failed.
    case connect(Errno)
    /// The TCP connection was not made in time; often a NetworkPolicy that blocks the port.
    case connectTimedOut
    case handshake(TLSFailure)
    /// The peer's certificate was revoked while the tunnel lived.
    case revoked(TLSFailure)
    /// The peer's certificate ended, and the time for what was open then is over.
    case expired
    /// The peer did not finish the TLS handshake in time.
    case handshakeTimedOut
    case http2(HTTP2ConnectionFailure)
    /// The TCP connection was lost.
    case socket(Errno)
    /// The peer closed the connection while streams were open, or before it was established.
    case peerClosed
    /// The peer did not answer a ping in time.
    case keepAliveTimedOut
    /// We gave it up.
    case abandoned(String)
}

extension TunnelFailure {
    /// We gave the tunnel up; it says nothing about the peer.
    public var isAbandonment: Bool {
        if case .abandoned = self { true } else { false }
    }

    /// The peer was refused, or cut off, because its certificate is revoked.
    public var isRevocation: Bool {
        switch self {
        case .revoked: true
        case .handshake(let failure): failure.kind == .certificateRevoked
        default: false
        }
    }
}

extension TunnelFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .connect(let failure): "connection failed: \(failure)"
        case .connectTimedOut:
            "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008"
        case .handshake(let failure): "TLS handshake failed: \(failure)"
        case .revoked(let failure): "connection closed: \(failure)"
        case .expired: "connection closed: the peer's certificate has expired"
        case .handshakeTimedOut: "TLS handshake timed out"
        case .http2(let failure): "HTTP/2 failed: \(failure.reason)"
        case .socket(let failure): "connection lost: \(failure)"
        case .peerClosed: "connection closed by the peer"
        case .keepAliveTimedOut: "connection lost: the peer did not answer a ping"
        case .abandoned(let reason): reason
        }
    }
}
