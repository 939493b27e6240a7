extension Limits {
    /// How deep protobuf messages may lie in one another.
    public static let protobufDepthMax = 32

    /// How many repeated elements and map entries one decoded message may hold, nested ones included; two bytes on
    /// the wire can cost hundreds in memory.
    public static let protobufElementCountMax = 2_000_000
}
