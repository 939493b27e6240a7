/// Why there is no certificate, in words for the log.
public struct CertificateFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }

    /// Answers waiters of an identity that was forgotten.
    public static let forgotten = CertificateFailure("the identity is no longer needed")
}
