/// Decides when a process that was busy has become quiet, which is when it gives memory back: earlier it would only be
/// taken again. It is told from time to time how much processor time the process has spent.
public struct QuietWatch: Sendable {
    private var spentBefore: Duration?
    private var spentAtRelease: Duration?
    private var lookCount = 0

    /// The first quiet counts however little was done before it.
    public init() {}

    /// Whether memory is to be given back now.
    /// - Parameter spent: processor time of all threads since the process began, asked for at intervals of
    ///   `Limits.quietDuration`.
    public mutating func isQuietAgain(spent: Duration) -> Bool {
        defer { spentBefore = spent }
        guard let spentBefore, spent - spentBefore <= Limits.quietProcessorDurationMax else { return false }
        lookCount += 1
        if let spentAtRelease, spent - spentAtRelease < Limits.busyProcessorDurationMin,
            lookCount < Limits.quietLookCountMax
        {
            return false
        }
        spentAtRelease = spent
        lookCount = 0
        return true
    }
}
