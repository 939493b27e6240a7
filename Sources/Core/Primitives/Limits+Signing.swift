extension Limits {
    /// The longest life of a workload's certificate, in seconds: 90 days, as with Istio.
    public static let certificateLifetimeSecondsMax: Int64 = 90 * 86_400

    /// The life of a workload's certificate when none is asked for, in seconds.
    public static let certificateLifetimeSecondsDefault: Int64 = 86_400

    /// The largest file with a node's token.
    public static let nodeTokenByteCountMax = 4096

    /// The shortest token that counts as one.
    public static let nodeTokenByteCountMin = 16
}
