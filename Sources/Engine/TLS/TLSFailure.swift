/// Why a TLS operation failed, in words for the log.
public struct TLSFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// What went wrong, and so who can mend it.
    public enum Kind: Equatable, Sendable {
        /// Our own keys, certificates or settings cannot be used.
        case configuration
        /// The peer speaks no TLS version that we accept.
        case protocolVersion
        /// The peer does not speak HTTP/2 (ALPN without `h2`).
        case applicationProtocol
        /// The peer sent no certificate.
        case certificateMissing
        /// The peer's certificate does not lead to one of our roots.
        case certificateUntrusted
        /// The peer's certificate has expired or is not valid yet.
        case certificateDates
        /// The peer's certificate, or its issuer's, was revoked.
        case certificateRevoked
        /// The peer's certificate is not made for this use.
        case certificateUsage
        /// The peer's certificate is genuine and names someone else.
        case identity
        /// The peer refused us with this alert (RFC 8446 6.2).
        case alertReceived(UInt8)
        /// The peer broke the protocol.
        case protocolViolation
        /// The peer went beyond one of our limits.
        case limit
        /// The connection had failed or had been closed before.
        case closed
        /// OpenSSL is out of memory or entropy.
        case resources
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
