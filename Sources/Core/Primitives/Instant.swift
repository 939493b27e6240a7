/// A point on the monotonic clock in nanoseconds; supplied by the event loop and never read by pure code.
public struct Instant: Hashable, Comparable, Sendable {
    public var nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// Saturates at both ends of the clock.
    public static func + (a: Instant, span: Duration) -> Instant {
        let amount = span.clampedNanoseconds
        let (sum, overflow) =
            amount >= 0
            ? a.nanoseconds.addingReportingOverflow(UInt64(amount))
            : a.nanoseconds.subtractingReportingOverflow(UInt64(-amount))
        return Instant(nanoseconds: overflow ? (amount >= 0 ? .max : 0) : sum)
    }

    /// The span from `earlier` to `self`; negative when `earlier` is later.
    public static func - (self: Instant, earlier: Instant) -> Duration {
        .nanoseconds(Int64(clamping: self.nanoseconds) - Int64(clamping: earlier.nanoseconds))
    }
}

/// A point on the calendar in nanoseconds since 1970-01-01 UTC. Certificates and logs speak of it; nothing waits by it,
/// since it can jump.
public struct WallTime: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// From whole seconds since 1970; saturates.
    public init(seconds: Int64) {
        let (value, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        nanoseconds = overflow ? (seconds > 0 ? .max : .min) : value
    }

    public var seconds: Int64 { nanoseconds / 1_000_000_000 }

    public static func < (a: WallTime, b: WallTime) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The span from `earlier` to `self`; saturates.
    public static func - (self: WallTime, earlier: WallTime) -> Duration {
        let (value, overflow) = self.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        return .nanoseconds(overflow ? (self.nanoseconds > earlier.nanoseconds ? .max : .min) : value)
    }
}

extension Duration {
    /// The span in nanoseconds, saturated to about 292 years either way.
    public var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds > 0 ? .max : -.max }
        let (sum, sumOverflow) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return sumOverflow ? (seconds > 0 ? .max : -.max) : sum
    }

    /// Whole milliseconds, rounded down.
    public var wholeMilliseconds: Int64 { clampedNanoseconds / 1_000_000 }
}
