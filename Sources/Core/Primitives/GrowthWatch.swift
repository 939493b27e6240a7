/// Decides when a process that is never quiet gives free memory back: its allocator keeps whatever a burst has needed,
/// for good. It is told from time to time how much memory the process holds.
public struct GrowthWatch: Sendable {
    /// The least that was held since memory was last given back.
    private var byteCountMin: Int?

    /// What is held at first is taken for needed.
    public init() {}

    /// Whether memory is to be given back now.
    /// - Parameter byteCount: anonymous resident memory, asked for at intervals of `Limits.growthLookDuration`.
    public mutating func hasGrown(to byteCount: Int) -> Bool {
        let least = min(byteCountMin ?? byteCount, byteCount)
        byteCountMin = least
        let growth = max(Limits.growthByteCountMin, least / Limits.growthPartMin)
        guard byteCount - least >= growth else { return false }
        // What cannot be given back is needed, and is not tried again until there is more.
        byteCountMin = nil
        return true
    }
}
