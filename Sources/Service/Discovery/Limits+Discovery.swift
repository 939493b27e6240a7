public import Primitives

extension Limits {
    /// News that come sooner after others are told together: each time, every worker wakes up.
    static let discoveryNewsInterval = Duration.milliseconds(4)
    /// How many values of one kind are kept for sharing among resources.
    static let sharedValueCountMax = 65_536
    /// The first and the longest pause before the discovery stream is opened again.
    static let discoveryBackoffMin = Duration.milliseconds(10)
    static let discoveryBackoffMax = Duration.seconds(15)
    /// A stream that ends this soon after it was opened was of no use.
    static let discoveryStreamDurationMin = Duration.seconds(1)
    /// Names that may await an answer, and names that are known to stand for nothing.
    static let requestedNameCountMax = 65_536
    /// How long a name is taken to stand for nothing once the control plane has said so. istiod tells no one when that
    /// changes.
    static let absentNameDuration = Duration.seconds(30)
    /// How long one waits for what a control plane tells on demand.
    public static let nameAnswerDuration = Duration.seconds(5)
}
