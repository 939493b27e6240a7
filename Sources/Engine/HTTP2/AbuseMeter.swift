import Primitives

/// What a peer may still do of each kind of abuse.
struct AbuseMeter {
    private var left: [17 of Int32]
    private var counts: [17 of UInt32] = .init(repeating: 0)
    private var lastRefill: UInt64 = 0

    init() {
        precondition(HTTP2Abuse.allCases.count == 17)
        left = .init { Int32(clamping: HTTP2Abuse.allCases[$0].limit.burst) }
    }

    /// How often the peer did it.
    func count(_ abuse: HTTP2Abuse) -> Int { Int(counts[abuse.rawValue]) }

    /// The peer did it once more.
    /// - Returns: whether that is once too often.
    mutating func charge(_ abuse: HTTP2Abuse) -> Bool {
        counts[abuse.rawValue] &+= 1
        guard left[abuse.rawValue] > 0 else { return true }
        left[abuse.rawValue] -= 1
        return false
    }

    /// The peer has a reason to do it so many times more.
    mutating func earn(_ abuse: HTTP2Abuse, _ count: Int32) {
        let (sum, overflow) = left[abuse.rawValue].addingReportingOverflow(count)
        left[abuse.rawValue] = overflow ? .max : min(sum, Int32(clamping: Limits.http2EarnedFrameCountMax))
    }

    /// Gives back what has become due since the last time, but for what was earned beyond that.
    mutating func refill(at now: Instant) {
        guard lastRefill != 0 else { return lastRefill = now.nanoseconds }
        let elapsed = now.nanoseconds &- lastRefill
        guard elapsed >= Self.refillNanoseconds else { return }
        lastRefill = now.nanoseconds
        let milliseconds = Int(min(elapsed / 1_000_000, Self.refillMillisecondsMax))
        for abuse in HTTP2Abuse.allCases {
            let (limit, have) = (abuse.limit, Int(left[abuse.rawValue]))
            guard have < limit.burst else { continue }
            left[abuse.rawValue] = Int32(
                clamping: min(have + limit.perSecond * milliseconds / 1000, limit.burst))
        }
    }

    private static let refillNanoseconds: UInt64 = 100_000_000
    /// After this everything is full, whatever the limits.
    private static let refillMillisecondsMax: UInt64 = 1_000_000
}
