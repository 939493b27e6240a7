import Primitives

/// What some may use together in one turn of a worker's loop: bytes that all connections of a kind move, or nanoseconds
/// that those of one source take. Who finds nothing left asks to be resumed in the next turn.
struct TurnBudget {
    private let whole: Int
    private var turn: UInt64 = 0
    private var used = 0
    private var wasUsedUp = false

    init(_ whole: Int) { self.whole = whole }

    /// How much is left of it in the loop's turn of this number.
    mutating func left(in turn: UInt64) -> Int {
        begin(turn)
        return max(0, whole - used)
    }

    /// So much was used, in the loop's turn of this number.
    mutating func take(_ amount: Int, in turn: UInt64) {
        begin(turn)
        used += amount
    }

    /// The turn before has used it up, so that somebody may wait to be resumed in this one. Whoever comes with an event
    /// does well to wait too: those who are resumed take turns at being first, but behind all events.
    mutating func isAwaited(in turn: UInt64) -> Bool {
        begin(turn)
        return wasUsedUp
    }

    private mutating func begin(_ turn: UInt64) {
        guard turn != self.turn else { return }
        wasUsedUp = turn == self.turn &+ 1 && used >= whole
        (self.turn, used) = (turn, 0)
    }
}
