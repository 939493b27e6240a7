extension Limits {
    /// The largest file that is read whole.
    public static let fileByteCountMax = 64 << 20
}
