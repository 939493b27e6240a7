import Primitives

/// The time that the tunnels of one source take together, in one turn of a worker's loop, with what may be many small
/// frames: a source that has many tunnels holds up others no longer than one that has a single tunnel.
public final class SourceTurn {
    private var turn: UInt64 = 0
    private var spent: Duration = .zero

    public init() {}

    /// Whether one more of them may be read in the loop's turn of this number.
    func hasTime(in turn: UInt64) -> Bool { turn != self.turn || spent < Limits.peerTurnDuration }

    /// So much of that turn went to one of them.
    func took(_ span: Duration, in turn: UInt64) {
        if turn != self.turn { (self.turn, spent) = (turn, .zero) }
        spent += span
    }
}

@available(*, unavailable) extension SourceTurn: Sendable {}
