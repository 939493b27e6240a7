extension Limits {
    /// Log text that may wait for a slow reader; further lines are dropped and counted.
    public static let logByteCountMax = 1 << 20
}
