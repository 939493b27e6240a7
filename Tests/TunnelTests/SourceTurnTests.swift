import EventLoop
import Glibc
import Primitives
import Synchronization
import System
import TLS
import Testing

@testable import HTTP2
@testable import Tunnel

struct SourceTurnTests {
    @Test func `one that has used its time up has some again in the next turn`() {
        let source = SourceTurn()
        let half = Limits.peerTurnDuration / 2
        let hadTime = [UInt64(1), 1, 1, 2, 2].map { turn in
            guard source.hasTime(in: turn) else { return false }
            source.took(half, in: turn)
            return true
        }
        #expect(hadTime == [true, true, false, true, true])
    }

    @Test func `where a turn was used up, whoever comes in the next waits behind those who wait already`() {
        let source = SourceTurn()
        let (half, whole) = (Limits.peerTurnDuration / 2, Limits.peerTurnDuration)
        let wasAwaited = [(UInt64(1), half), (2, whole), (3, half), (4, whole), (6, .zero)].map { turn, spent in
            defer { source.took(spent, in: turn) }
            return source.isAwaited(in: turn)
        }
        #expect(wasAwaited == [false, false, true, false, false])
    }

    /// Where the first source is made to have no time in any turn for a while.
    @Test func `a tunnel whose source has had its time waits for a turn that has some, and those of others do not`()
        throws
    {
        let (busy, other) = (SourceTurn(), SourceTurn())
        var options = Path.Options()
        options.sources = [busy, busy, other]
        let path = try Path(options)
        let endpoint = try #require(path.accepter.endpoint)
        let context = try TLSContext.workloadClient(path.authority.credentials(Authority.web))
        let isBusy = Mutex(false)
        let frameCounts = Mutex<[UInt64]>([])
        try path.run(
            { _ in
                let peers = try (0..<3).map { number in
                    let peer = try RawPeer(endpoint, TLSConnection(client: context, expecting: [Authority.cart]))
                    try peer.send(RawPeer.preface + RawPeer.ping(UInt8(number)))
                    let isAnswered = try peer.receive(until: RawPeer.ping(UInt8(number), isAcknowledgement: true))
                    #expect(isAnswered)
                    return peer
                }
                isBusy.withLock { $0 = true }
                // A turn begins that knows of it.
                usleep(100_000)
                let before = frameCounts.withLock { $0 }
                for peer in peers { try peer.send(RawPeer.ping(9)) }
                let passes = try peers[2].receive(until: RawPeer.ping(9, isAcknowledgement: true))
                #expect(passes)
                usleep(100_000)
                let after = frameCounts.withLock { $0 }
                #expect(after == [before[0], before[1], before[2] + 1])
                isBusy.withLock { $0 = false }
                for peer in peers[..<2] {
                    let isAnswered = try peer.receive(until: RawPeer.ping(9, isAcknowledgement: true))
                    #expect(isAnswered)
                }
            },
            turning: {
                let counts = path.accepter.tunnels.map { $0.ownedSession?.frameCount ?? 0 }
                frameCounts.withLock { $0 = counts }
                let spent = isBusy.withLock { $0 } ? Limits.peerTurnDuration : .zero
                busy.took(spent, in: path.loop.turnCount &+ 1)
            })
    }

    @Test func `of many tunnels of a source so many are read in one turn as can be answered in its time`() throws {
        let source = SourceTurn()
        var options = Path.Options()
        options.sources = Array(repeating: source, count: 8)
        // No turn takes time of itself.
        options.clock = ManualClock(now: MonotonicClock.now())
        let path = try Path(options)
        let endpoint = try #require(path.accepter.endpoint)
        let context = try TLSContext.workloadClient(path.authority.credentials(Authority.web))
        let isHeld = Mutex(false)
        let waitingCount = Mutex(0)
        let most = Mutex<UInt64>(0)
        var before: UInt64 = 0
        try path.run(
            { _ in
                let peers = try (0..<8).map { _ in
                    let peer = try RawPeer(endpoint, TLSConnection(client: context, expecting: [Authority.cart]))
                    try peer.send(RawPeer.preface + RawPeer.ping(1))
                    let isAnswered = try peer.receive(until: RawPeer.ping(1, isAcknowledgement: true))
                    #expect(isAnswered)
                    return peer
                }
                isHeld.withLock { $0 = true }
                // A turn begins that knows of it.
                usleep(100_000)
                for peer in peers { try peer.send(RawPeer.ping(9)) }
                for _ in 0..<500 where waitingCount.withLock({ $0 < 8 }) { usleep(10_000) }
                most.withLock { $0 = 0 }
                isHeld.withLock { $0 = false }
                for peer in peers {
                    let isAnswered = try peer.receive(until: RawPeer.ping(9, isAcknowledgement: true))
                    #expect(isAnswered)
                }
            },
            turning: {
                let sum = path.accepter.tunnels.reduce(0) { $0 + ($1.ownedSession?.frameCount ?? 0) }
                most.withLock { $0 = max($0, sum - min(sum, before)) }
                before = sum
                let count = path.accepter.tunnels.count { $0.isResumeRequested }
                waitingCount.withLock { $0 = count }
                if isHeld.withLock({ $0 }) { source.took(Limits.peerTurnDuration, in: path.loop.turnCount &+ 1) }
            })
        #expect(most.withLock { $0 } == 5)
    }

    @Test func `requests that wait are decided in the time of their source`() throws {
        let source = SourceTurn()
        var options = Path.Options()
        options.sources = [source]
        // No turn takes time of itself.
        options.clock = ManualClock(now: MonotonicClock.now())
        let path = try Path(options)
        let endpoint = try #require(path.accepter.endpoint)
        let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        let bound = TCPSocket.localEndpoint(of: listener)
        let target = try #require(bound)
        let context = try TLSContext.workloadClient(path.authority.credentials(Authority.web))
        let isHeld = Mutex(true)
        let isWaiting = Mutex(false)
        try path.run(
            { _ in
                let peer = try RawPeer(endpoint, TLSConnection(client: context, expecting: [Authority.cart]))
                let streams = (0..<UInt8(3 * Limits.requestCountPerTurn)).map { 2 * $0 + 1 }
                try peer.send(RawPeer.preface + streams.flatMap { RawPeer.connect(target, stream: $0) })
                for _ in 0..<500 where !isWaiting.withLock({ $0 }) { usleep(10_000) }
                usleep(100_000)
                #expect(isWaiting.withLock { $0 })
                isHeld.withLock { $0 = false }
                for _ in 0..<500 where isWaiting.withLock({ $0 }) { usleep(10_000) }
                #expect(!isWaiting.withLock { $0 })
            },
            turning: {
                let isEmpty = path.accepter.tunnels.first?.requests.isEmpty ?? true
                isWaiting.withLock { $0 = !isEmpty }
                guard !isEmpty, isHeld.withLock({ $0 }) else { return }
                source.took(Limits.peerTurnDuration, in: path.loop.turnCount &+ 1)
            })
        withExtendedLifetime(listener) {}
    }
}
