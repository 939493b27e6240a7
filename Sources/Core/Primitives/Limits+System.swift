extension Limits {
    /// How much of what a child process writes to one stream is kept, in bytes.
    public static let childOutputByteCountMax = 4 << 20
}
