import Primitives

/// The bytes that all connections of a kind may move in one turn of a worker's loop. Who finds none left asks to be
/// resumed in the next turn.
struct ByteShare {
    private let byteCountMax: Int
    private var turn: UInt64 = 0
    private var byteCount = 0
    private var wasUsedUp = false

    init(_ byteCountMax: Int) { self.byteCountMax = byteCountMax }

    /// How many may still be moved in the loop's turn of this number.
    mutating func left(in turn: UInt64) -> Int {
        begin(turn)
        return max(0, byteCountMax - byteCount)
    }

    /// So many were moved, in the turn that `left` was last asked about.
    mutating func take(_ count: Int) { byteCount += count }

    /// The turn before has used up its share, so that somebody may wait to be resumed in this one. Whoever comes with
    /// an event does well to wait too: those who are resumed take turns at being first, but behind all events.
    mutating func isAwaited(in turn: UInt64) -> Bool {
        begin(turn)
        return wasUsedUp
    }

    private mutating func begin(_ turn: UInt64) {
        guard turn != self.turn else { return }
        wasUsedUp = turn == self.turn &+ 1 && byteCount >= byteCountMax
        (self.turn, byteCount) = (turn, 0)
    }
}
