import Tunnel

/// How a connection ended, as the label `response_flags` says it (ztunnel).
enum ResponseFlag: Int, CaseIterable, Sendable {
    /// In order, or for no fault of its parties.
    case none
    /// Policies did not allow it, or no longer.
    case denied
    /// The other side could not be reached, or was lost.
    case connect
    case tls
    case http2
    /// Nobody answered on the tunnel's port, which a NetworkPolicy may block.
    case networkPolicy
    /// There is no certificate of our own.
    case identity
    case revoked

    var text: String {
        switch self {
        case .none: "-"
        case .denied: "DENY"
        case .connect: "CONNECT"
        case .tls: "TLS_FAILURE"
        case .http2: "H2_HANDSHAKE_FAILURE"
        case .networkPolicy: "NETWORK_POLICY"
        case .identity: "IDENTITY_ERROR"
        case .revoked: "CERT_REVOKED"
        }
    }
}

extension RelayCause {
    /// The flag of connections that end so; nil where it follows from whether they ended in order.
    var flag: ResponseFlag? {
        switch self {
        case .peerRevoked: .revoked
        case .http2Failed: .http2
        case .completed, .socketFailed, .streamReset, .tunnelLost, .unanswered, .aborted: nil
        }
    }
}

extension TunnelFailure {
    /// The flag of connections that fail for want of this tunnel.
    var flag: ResponseFlag {
        switch self {
        case .revoked: .revoked
        case .handshake where isRevocation: .revoked
        case .handshake, .handshakeTimedOut: .tls
        case .http2: .http2
        case .connectTimedOut: .networkPolicy
        case .connect, .socket, .peerClosed, .keepAliveTimedOut, .expired, .abandoned: .connect
        }
    }
}
