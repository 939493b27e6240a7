/// Why bytes are no DNS message.
public enum DNSFailure: Error, Hashable, Sendable {
    /// Shorter than a header: not even an answer can be addressed.
    case header
    case question
    case record
    /// Longer than a message can be, or with bytes behind its end.
    case length
}
