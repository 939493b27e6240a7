extension Limits {
    /// Room for a line of the log, which grows for those that are longer.
    public static let logLineRoomByteCount = 512
    /// Log text that may wait for a slow reader; further lines are dropped and counted.
    public static let logByteCountMax = 1 << 20
    /// How long the first of several lines waits for the others.
    public static let logGatheringDuration: Duration = .milliseconds(5)
}
