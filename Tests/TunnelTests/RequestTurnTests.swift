import EventLoop
import Primitives
import Testing

@testable import HTTP2
@testable import Tunnel

struct RequestTurnTests {
    private struct Trace { weak var stream: TunnelStream? }

    @Test func `a turn that has taken long decides one request, and a short one several`() {
        var share = TurnShare()
        let long = Limits.peerTurnDuration
        let first = share.takesRequest(in: 1, after: long)
        let second = share.takesRequest(in: 1, after: long)
        #expect(first && !second)
        let taken = (0..<9).count { _ in share.takesRequest(in: 2, after: .zero) }
        #expect(taken == Limits.requestCountPerTurn)
    }

    @Test func `a turn that has taken long goes on with one handshake, and a short one with all`() {
        var share = TurnShare()
        let long = Limits.peerTurnDuration
        let outcomes = [long, long, .zero].map { share.takesHandshake(in: 1, after: $0) }
        #expect(outcomes == [true, false, true])
        let next = share.takesHandshake(in: 2, after: long)
        #expect(next)
    }

    @Test func `requests that were decided are let go of, though others always wait`() throws {
        // No turn takes time.
        let loop = try EventLoop(clock: ManualClock(now: Instant(nanoseconds: 1)))
        var turn = RequestTurn()
        var traces: [Trace] = []
        var share = TurnShare()
        func ask(_ count: Int) {
            for _ in 0..<count {
                let stream = TunnelStream(accepting: loop)
                stream.slot = 0
                traces.append(Trace(stream: stream))
                _ = turn.take(stream, [HTTPField(":method", "CONNECT")], of: &share, on: loop)
            }
        }
        ask(2 * Limits.requestCountPerTurn)
        for _ in 0..<200 {
            loop.turn(waitingAtMost: Duration.zero)
            ask(Limits.requestCountPerTurn)
            var decidedCount = 0
            while turn.popNext(of: &share, on: loop) != nil { decidedCount += 1 }
            #expect(decidedCount == Limits.requestCountPerTurn && !turn.isEmpty)
        }
        let alive = traces.count { $0.stream != nil }
        #expect(alive <= 4 * Limits.requestCountPerTurn, "\(alive) of \(traces.count)")
    }
}
