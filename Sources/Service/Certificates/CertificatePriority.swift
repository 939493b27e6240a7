/// How urgent a certificate is.
public enum CertificatePriority: Int, Comparable, Sendable {
    /// A renewal: what is there still works.
    case background
    /// A pod has come to this node and will need it.
    case warmup
    /// A connection waits for it.
    case realTime

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
