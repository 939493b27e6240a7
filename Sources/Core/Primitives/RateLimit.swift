/// How often something may happen: so many times at once, and so many times a second thereafter.
public struct RateLimit: Equatable, Sendable {
    public var burst: Int
    public var perSecond: Int

    public init(burst: Int, perSecond: Int) {
        self.burst = burst
        self.perSecond = perSecond
    }
}
