public import Primitives

/// A clock that stands still until it is moved: with it a simulation goes through hours of timers in a moment. A loop
/// that has one still waits for descriptors in real time.
public final class ManualClock {
    public private(set) var now: Instant

    /// Begins at `now`.
    public init(now: Instant) { self.now = now }

    /// Moves on; never back.
    public func advance(by span: Duration) { now = now + max(span, .zero) }
}

@available(*, unavailable) extension ManualClock: Sendable {}
