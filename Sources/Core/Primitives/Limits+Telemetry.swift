extension Limits {
    /// Log text that may wait for a slow reader; further lines are dropped and counted.
    public static let logByteCountMax = 1 << 20
    /// How long the first of several lines waits for the others.
    public static let logGatheringDuration: Duration = .milliseconds(5)
}
