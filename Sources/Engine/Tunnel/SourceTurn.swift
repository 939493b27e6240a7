import Primitives

/// The time that the tunnels of one source take together, in one turn of a worker's loop, with what may be many small
/// frames: a source that has many tunnels holds up others hardly longer than one that has a single tunnel.
public final class SourceTurn {
    private var turn: UInt64 = 0
    private var spent: Duration = .zero
    private var wasUsedUp = false

    public init() {}

    /// Whether one more of them may be read in the loop's turn of this number.
    func hasTime(in turn: UInt64) -> Bool { turn != self.turn || !isUsedUp }

    /// The turn before was used up, so that some of them may wait for this one. Whoever comes with an event does well
    /// to wait too: those who are resumed take turns at being first, but behind all events.
    func isAwaited(in turn: UInt64) -> Bool { turn == self.turn ? wasUsedUp : turn == self.turn &+ 1 && isUsedUp }

    /// So much of that turn went to one of them.
    func took(_ span: Duration, in turn: UInt64) {
        if turn != self.turn { (self.turn, spent, wasUsedUp) = (turn, .zero, isAwaited(in: turn)) }
        spent += span
    }

    private var isUsedUp: Bool { spent >= Limits.peerTurnDuration }
}

@available(*, unavailable) extension SourceTurn: Sendable {}
