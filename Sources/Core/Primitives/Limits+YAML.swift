extension Limits {
    /// The largest YAML text that is parsed.
    public static let yamlByteCountMax = 16 << 20

    /// How deep YAML collections may lie in one another.
    public static let yamlDepthMax = 64

    /// How many values one YAML text may stand for, each alias counting as all that it repeats.
    public static let yamlValueCountMax = 1_000_000
}
