extension Limits {
    /// A bearer token.
    public static let tokenByteCountMax = 65_536
}
