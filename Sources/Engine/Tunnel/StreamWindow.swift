import Primitives

/// The receive window of one stream as we choose it. It begins small, so that many streams whose applications do not
/// read cost little. While an application keeps up with a peer that sends fast it grows, so that bulk is not held back
/// by round trips; while others of the worker wait for their answers it is no larger than the way is long, since what
/// is more only queues in front of them.
struct StreamWindow {
    /// Bytes that the peer may have under way.
    private(set) var byteCount: Int
    /// What it began with.
    let least: Int
    private var passedByteCount = 0
    private var passedPieceCount = 0
    private var roundStart: UInt64
    /// When a whole window had last passed quickly; 0 if that never happened.
    private var lastQuickRound: UInt64 = 0

    init(_ byteCount: Int, at now: Instant) {
        self.byteCount = byteCount
        least = byteCount
        roundStart = now.nanoseconds
    }

    /// By how much it has grown.
    var growth: Int { max(0, byteCount - least) }

    /// Bytes have left for the application, which keeps up with its peer if it leaves none waiting.
    /// - Returns: whether a whole window has passed quickly.
    mutating func passed(_ count: Int, keepsUp: Bool, at now: Instant) -> Bool {
        passedByteCount += count
        passedPieceCount += 1
        guard !keepsUp || passedByteCount >= byteCount else { return false }
        let isQuick =
            keepsUp && now.nanoseconds &- roundStart <= Limits.quickWindowNanoseconds
            && passedByteCount >= passedPieceCount * Limits.bulkPieceByteCountMin
        passedByteCount = 0
        passedPieceCount = 0
        roundStart = now.nanoseconds
        if isQuick { lastQuickRound = now.nanoseconds }
        return isQuick
    }

    /// The stream moves bulk: nobody waits for one of its messages.
    func isBulk(at now: Instant) -> Bool {
        lastQuickRound != 0 && now.nanoseconds &- lastQuickRound <= Limits.quickWindowNanoseconds
    }

    mutating func resize(to byteCount: Int) { self.byteCount = byteCount }

    /// The size that follows on `byteCount`.
    /// - Parameters:
    ///   - ceiling: the largest that makes sense now.
    ///   - allowance: by how much it may grow.
    func next(ceiling: Int, allowance: Int) -> Int {
        let most = max(min(least, Limits.latencyWindowByteCountMin), ceiling)
        guard byteCount < most else { return most }
        let wanted = min(byteCount * Limits.windowGrowthFactor, most)
        return byteCount + min(wanted - byteCount, max(0, allowance))
    }
}
