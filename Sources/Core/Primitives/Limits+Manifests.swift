extension Limits {
    /// How long a changed directory of manifests is left alone before it is read.
    public static let manifestSettlingTime = Duration.milliseconds(50)
}
