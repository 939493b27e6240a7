import Primitives

extension Limits {
    /// How many values of one kind are kept for sharing among resources.
    static let sharedValueCountMax = 65_536
    /// The first and the longest pause before the discovery stream is opened again.
    static let discoveryBackoffMin = Duration.milliseconds(10)
    static let discoveryBackoffMax = Duration.seconds(15)
    /// A stream that ends this soon after it was opened was of no use.
    static let discoveryStreamDurationMin = Duration.seconds(1)
}
