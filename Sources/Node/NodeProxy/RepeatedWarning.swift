import Primitives

/// A warning that one cause can give for every connection: the log is told once in a while, and how often it was not.
struct RepeatedWarning {
    private var next: Instant?
    private var silentCount: UInt64 = 0

    /// There is reason to warn.
    /// - Returns: how often there was since the last warning that was logged; nil if this one is not to be.
    mutating func take(at now: Instant) -> UInt64? {
        if let next, now < next {
            silentCount &+= 1
            return nil
        }
        defer { silentCount = 0 }
        next = now + Limits.repeatedWarningInterval
        return silentCount
    }
}
