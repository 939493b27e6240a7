/// Why a certificate is not issued.
public struct IssuanceFailure: Error, Hashable, Sendable {
    /// Whose fault it is.
    public enum Kind: Hashable, Sendable {
        /// The asker may not have it.
        case refused
        /// The request makes no sense.
        case badRequest
        /// The authority cannot sign.
        case unavailable
    }

    public var kind: Kind
    /// For the log; the asker learns only the kind.
    public var detail: String

    public init(_ kind: Kind, detail: String) {
        self.kind = kind
        self.detail = detail
    }
}
