import EventLoop
import Glibc
import Primitives
import Testing

@testable import Tunnel

/// Applications that read again, many at once.
struct DrainTests {
    @Test func `a turn writes no more than its share, and what is left comes whole, with its end, in later ones`()
        throws
    {
        let readers = try StalledReaders(64)
        try readers.end()
        #expect(readers.pendingByteCount > 3 * Limits.workerTurnDrainByteCountMax)
        // All that the kernel had, so that each socket takes all of what waits for it.
        for _ in 0..<10 {
            readers.read()
            usleep(20_000)
        }
        var (most, turnCount) = (0, 0)
        while readers.pendingByteCount > 0, turnCount < 1000 {
            let before = readers.writtenByteCount
            readers.path.loop.turn(waitingAtMost: .milliseconds(100))
            most = max(most, readers.writtenByteCount - before)
            turnCount += 1
            if turnCount == 1 {
                let waiting = readers.streams.filter(\.isResumeRequested)
                #expect(waiting.count > 32)
                // One ends while it waits for its turn, and so does one whose peer has left it.
                waiting.first { $0.lingering == nil }?.abort("the test")
                waiting.first { $0.lingering != nil }?.abort("the test")
            }
            readers.read()
        }
        #expect(most > 0 && most <= Limits.workerTurnDrainByteCountMax, "\(most)")
        try readers.turn {
            readers.read()
            return !readers.outcomes.contains(nil) && readers.path.accepter.endings.count == 64
        }
        let whole = readers.servers.indices.filter { readers.outcomes[$0] == 0 }.map { readers.received[$0] }
        #expect(whole.count == 62 && Set(whole).count == 62 && Set(whole).isSubset(of: readers.sent))
        let others = readers.outcomes.filter { $0 != 0 }
        #expect(others == [ECONNRESET, ECONNRESET])
        let endings = readers.path.accepter.endings
        #expect(endings.count { $0.cause == .completed } == 62)
        #expect(endings.count { $0.cause == .aborted("the test") } == 2)
        #expect(readers.path.accepter.buffers.budget.node.heldByteCount == 0)
        #expect(readers.path.accepter.buffers.budget.lingeringByteCount == 0)
    }

    /// Asks, while a turn's events are handed out, whether a stream whose socket takes more waits with the others.
    private final class Question {
        let stream: TunnelStream
        private(set) var isQueued: Bool?
        init(_ stream: TunnelStream) { self.stream = stream }

        func ask() {
            stream.ready(.writable)
            isQueued = stream.isResumeRequested
        }
    }

    @Test func `nobody goes before those who wait since the last turn`() throws {
        let readers = try StalledReaders(2)
        let question = Question(try #require(readers.streams.first))
        let loop = readers.path.loop
        loop.resident = question
        for (isShareUsedUp, expected) in [(false, false), (true, true), (false, false)] {
            let share = readers.path.accepter.buffers.drainShare.left(in: loop.turnCount)
            readers.path.accepter.buffers.drainShare.take(isShareUsedUp ? share : 1, in: loop.turnCount)
            loop.mailbox.post { loop in (loop.resident as? Question)?.ask() }
            loop.turn(waitingAtMost: .zero)
            #expect(question.isQueued == expected)
            // It had its turn, and its socket takes nothing.
            #expect(!question.stream.isResumeRequested && question.stream.pendingByteCount > 0)
        }
    }

    @Test func `a share that was used up is awaited in the next turn only`() {
        var share = TurnBudget(1000)
        let whole = share.left(in: 1)
        share.take(whole - 1, in: 1)
        let few = share.left(in: 1)
        share.take(100, in: 1)
        let none = share.left(in: 1)
        #expect((whole, few, none) == (1000, 1, 0))
        let isAwaited = (1...3).map { share.isAwaited(in: $0) }
        #expect(isAwaited == [false, true, false])
        share.take(whole, in: 3)
        let isAwaitedLater = share.isAwaited(in: 5)
        let later = share.left(in: 5)
        #expect(!isAwaitedLater && later == whole)
    }
}
