import COpenSSL

extension TLSFailure {
    /// The failure that OpenSSL's errors tell of.
    init(diagnosing entries: [ErrorQueue.Entry]) {
        guard let first = entries.first else {
            self.init(.protocolViolation, "the connection broke off")
            return
        }
        let text = entries.map(\.text).joined(separator: "; ")
        guard first.library == ERR_LIB_SSL else {
            self.init(.protocolViolation, text)
            return
        }
        switch first.reason {
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            self.init(.certificateMissing, "the peer sent no certificate")
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_SSL_VERSION, SSL_R_VERSION_TOO_LOW:
            self.init(.protocolVersion, "the peer does not speak TLS 1.3")
        case SSL_R_NO_APPLICATION_PROTOCOL:
            self.init(.applicationProtocol, "the peer offers no h2")
        case Self.alertReasonBase...Self.alertReasonBase + 255:
            self = .received(alert: UInt8(truncatingIfNeeded: first.reason - Self.alertReasonBase))
        default:
            self.init(.protocolViolation, text)
        }
    }

    /// The peer has ended the connection with an alert.
    static func received(alert: UInt8) -> TLSFailure {
        let name = unsafe String(cString: SSL_alert_desc_string_long(Int32(alert)))
        return TLSFailure(.alertReceived(alert), "the peer refused us: alert \(alert) (\(name))")
    }

    /// The peer has spent its allowance of messages beside data.
    static let idleMessages = TLSFailure(.limit, "the peer sends key updates and no data")

    /// OpenSSL reports a received alert as this number plus the alert's.
    private static let alertReasonBase = SSL_AD_REASON_OFFSET
}
