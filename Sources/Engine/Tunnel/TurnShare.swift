import Primitives

/// What all tunnels of a worker may do in one turn of its loop, beside what each may do: whoever comes meanwhile waits
/// for one turn.
struct TurnShare {
    private var turn: UInt64 = 0
    private var requestCount = 0
    private var hasHandshake = false
    private var endCount = 0

    /// A request may be decided in the loop's turn of this number, which has taken so long: one in each turn, and more
    /// in one that was short.
    mutating func takesRequest(in turn: UInt64, after span: Duration) -> Bool {
        begin(turn)
        guard requestCount == 0 || requestCount < Limits.requestCountPerTurn && span < Limits.peerTurnDuration else {
            return false
        }
        requestCount += 1
        return true
    }

    /// A step of a handshake, which costs as much as many requests, may be taken: one in each turn, and more in one
    /// that was short.
    mutating func takesHandshake(in turn: UInt64, after span: Duration) -> Bool {
        begin(turn)
        guard !hasHandshake || span < Limits.peerTurnDuration else { return false }
        hasHandshake = true
        return true
    }

    /// So many streams of lost tunnels may still end in this turn.
    mutating func takeEnds(in turn: UInt64) -> Int {
        begin(turn)
        return Limits.streamEndCountPerTurn - endCount
    }

    mutating func ended(_ count: Int) { endCount += count }

    private mutating func begin(_ turn: UInt64) {
        if turn != self.turn { self = TurnShare(turn: turn) }
    }

    init() {}

    private init(turn: UInt64) { self.turn = turn }
}
