import EventLoop
import Primitives

/// The requests of one tunnel that wait for their turn. Each may dial an application, so that a burst of them is spread
/// over turns; one that is withdrawn meanwhile dials nobody.
struct RequestTurn {
    private var waiting: [(stream: TunnelStream, head: [HTTPField])] = []
    private var next = 0
    private var byteCount = 0

    enum Verdict: Equatable {
        /// It is decided at once.
        case now
        case later
        /// Too much waits.
        case never
    }

    var isEmpty: Bool { next == waiting.count }

    /// A request has come, in a turn of the loop that has this left of its share.
    mutating func take(
        _ stream: TunnelStream, _ head: [HTTPField], of share: inout TurnShare, on loop: EventLoop
    ) -> Verdict {
        if isEmpty, share.takesRequest(in: loop.turnCount, after: loop.timeInTurn) { return .now }
        let size = Self.byteCount(of: head)
        guard byteCount + size <= Limits.waitingRequestByteCountMax else { return .never }
        byteCount += size
        waiting.append((stream, head))
        return .later
    }

    /// The next one that waits and may be decided in this turn.
    mutating func popNext(
        of share: inout TurnShare, on loop: EventLoop
    ) -> (stream: TunnelStream, head: [HTTPField])? {
        while !isEmpty {
            let (stream, head) = waiting[next]
            guard !stream.awaitsDecision || share.takesRequest(in: loop.turnCount, after: loop.timeInTurn) else {
                return nil
            }
            next += 1
            byteCount -= Self.byteCount(of: head)
            if next > Limits.requestCountPerTurn { forgetDecided() }
            if stream.awaitsDecision { return (stream, head) }
        }
        removeAll()
        return nil
    }

    /// A peer that always has another request waiting would otherwise have us keep them all.
    private mutating func forgetDecided() {
        waiting.removeFirst(next)
        next = 0
    }

    mutating func removeAll() { (waiting, next, byteCount) = ([], 0, 0) }

    private static func byteCount(of head: [HTTPField]) -> Int {
        head.reduce(0) { $0 + $1.name.utf8.count + $1.bytes.count + MemoryLayout<HTTPField>.size }
    }
}
