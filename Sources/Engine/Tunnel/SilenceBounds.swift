public import Primitives

/// How long a relay may move not a byte, in either direction.
public struct SilenceBounds: Equatable, Sendable {
    /// While both directions are open; nil: as long as it likes.
    public var open: Duration?
    /// Once one of them has ended and been delivered.
    public var halfClosed: Duration

    public init(open: Duration? = Limits.silentDuration, halfClosed: Duration = Limits.halfClosedDuration) {
        (self.open, self.halfClosed) = (open, halfClosed)
    }
}

/// Finds that a relay has moved nothing for too long: it is asked whenever `span` is over, and the data path only
/// counts bytes. So silence is found after twice its bound at the latest.
struct SilenceWatch {
    let bounds: SilenceBounds
    /// One direction is over.
    private(set) var isHalfClosed = false
    /// What had been moved when that was last looked at.
    private var movedBefore: UInt64 = 0

    init(_ bounds: SilenceBounds) { self.bounds = bounds }

    /// How long the relay may move nothing from now on; nil: as long as it likes.
    var span: Duration? { isHalfClosed ? bounds.halfClosed : bounds.open }

    /// What the log says of a relay that has.
    var reason: String { isHalfClosed ? "half-closed and silent for too long" : "silent for too long" }

    /// One direction is over; the other may go on for as long as it moves something.
    /// - Returns: whether that begins just now.
    mutating func directionEnded(after byteCount: UInt64) -> Bool {
        guard !isHalfClosed else { return false }
        (isHalfClosed, movedBefore) = (true, byteCount)
        return true
    }

    /// Whether the relay, which has moved so much by now, has moved anything since it was last asked.
    mutating func hasMoved(_ byteCount: UInt64) -> Bool {
        defer { movedBefore = byteCount }
        return byteCount != movedBefore
    }
}
