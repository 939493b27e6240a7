import Primitives

/// The time that the tunnels of one source take together, in one turn of a worker's loop, with what may be many small
/// frames: a source that has many tunnels holds up others hardly longer than one that has a single tunnel.
public final class SourceTurn {
    private var budget = TurnBudget(Int(clamping: Limits.peerTurnDuration.clampedNanoseconds))

    public init() {}

    /// Whether one more of them may be read in the loop's turn of this number.
    func hasTime(in turn: UInt64) -> Bool { budget.left(in: turn) > 0 }

    /// The turn before was used up, so that some of them may wait for this one.
    func isAwaited(in turn: UInt64) -> Bool { budget.isAwaited(in: turn) }

    /// So much of the loop's turn of this number went to one of them.
    func took(_ span: Duration, in turn: UInt64) {
        budget.take(Int(clamping: span.clampedNanoseconds), in: turn)
    }
}

@available(*, unavailable) extension SourceTurn: Sendable {}
