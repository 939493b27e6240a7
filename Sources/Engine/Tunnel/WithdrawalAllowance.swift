import Primitives

/// How many requests of one tunnel may still be withdrawn before their answer: each makes the peer dial for nothing,
/// and peers cut those off that do so too often.
struct WithdrawalAllowance {
    private var left = Limits.tunnelWithdrawals.burst
    private var lastRefill = Instant(nanoseconds: 0)

    /// Takes one, if there is one.
    mutating func take(at now: Instant) -> Bool {
        let limit = Limits.tunnelWithdrawals
        let elapsed = min(now - lastRefill, .seconds(limit.burst))
        let returned = Int(elapsed / .seconds(1) * Double(limit.perSecond))
        if returned > 0 { (left, lastRefill) = (min(left + returned, limit.burst), now) }
        guard left > 0 else { return false }
        left -= 1
        return true
    }
}
