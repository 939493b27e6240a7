extension Limits {
    /// How much of what a child process writes to one stream is kept, in bytes.
    public static let childOutputByteCountMax = 4 << 20
    /// The largest blocks that glibc keeps at hand for a thread, and how many of each size (its `tcache_max` and
    /// `tcache_count`).
    public static let cachedBlockByteCountMax = 1032
    public static let cachedBlockCountMax = 16
}
