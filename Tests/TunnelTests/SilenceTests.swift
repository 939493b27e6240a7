import EventLoop
import Glibc
import HTTP2
import Primitives
import Synchronization
import System
import TLS
import Testing

@testable import Tunnel

/// Peers by hand that leave streams behind, and what becomes of those in an hour.
final class SilenceTests {
    /// An application that takes connections and neither reads nor says anything.
    private let listener: OwnedDescriptor
    private let target: Endpoint
    private let path: Path
    private let clock = ManualClock(now: MonotonicClock.now())

    init() throws {
        listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        let endpoint = TCPSocket.localEndpoint(of: listener)
        target = try #require(endpoint)
        var options = Path.Options()
        options.clock = clock
        path = try Path(options)
    }

    private func run(
        _ body: @escaping @Sendable (RawPeer, Endpoint) throws -> Void, until settled: () -> Bool = { true },
        turning: () -> Void = {}
    ) throws {
        let endpoint = try #require(path.accepter.endpoint)
        let context = try TLSContext.workloadClient(path.authority.credentials(Authority.web))
        let target = target
        try path.run(
            { _ in
                let peer = try RawPeer(endpoint, TLSConnection(client: context, expecting: [Authority.cart]))
                try peer.send(RawPeer.preface)
                try body(peer, target)
            }, until: settled, turning: turning)
    }

    @Test func `a stream whose peer ended it before it was answered is half-closed, and ends in time`() throws {
        let isAnswered = Mutex(false)
        try run(
            { peer, target in
                try peer.send(RawPeer.connect(target) + RawPeer.data([], endsStream: true))
                let wasAccepted = try peer.receive(until: RawPeer.accepted())
                #expect(wasAccepted)
                isAnswered.withLock { $0 = true }
                let wasReset = try peer.receive(until: RawPeer.reset(8))
                #expect(wasReset)
            },
            turning: {
                let isDue = isAnswered.withLock { flag in
                    defer { flag = false }
                    return flag
                }
                if isDue { clock.advance(by: Limits.halfClosedDuration + .milliseconds(2)) }
            })
        #expect(path.accepter.endings.first?.cause == .aborted("half-closed and silent for too long"))
    }

    @Test func `bytes for an application whose peer has gone from the stream wait no longer than others`() throws {
        let progress = Mutex((passed: 0, waiting: 0))
        var lingered = 0
        try run(
            { peer, target in
                try peer.send(RawPeer.connect(target))
                let wasAccepted = try peer.receive(until: RawPeer.accepted())
                #expect(wasAccepted)
                var sent = 0
                while progress.withLock({ $0.waiting }) == 0 {
                    try peer.send(RawPeer.data([UInt8](repeating: 7, count: 8192)))
                    sent += 8192
                    // No more than the window lets through.
                    while progress.withLock({ $0.passed + $0.waiting }) < sent { usleep(1000) }
                }
                try peer.send(RawPeer.reset(0))
                while progress.withLock({ $0.waiting }) > 0 { usleep(1000) }
            },
            until: {
                if lingered == 0 {
                    lingered = path.accepter.buffers.budget.lingeringByteCount
                    clock.advance(by: Limits.halfClosedDuration + .milliseconds(2))
                }
                return path.accepter.endings.count == 1
            },
            turning: {
                let streams = path.accepter.tunnels.first?.session?.with { $0.openStreams } ?? []
                let stream = streams.first as? TunnelStream
                progress.withLock {
                    $0.passed = stream.map { Int($0.bytesToSocket) } ?? $0.passed
                    $0.waiting = stream?.waitingByteCount ?? 0
                }
            })
        #expect(lingered > 0)
        #expect(path.accepter.endings.first?.cause == .aborted("half-closed and silent for too long"))
        #expect(path.accepter.buffers.budget.lingeringByteCount == 0)
    }

    @Test func `a tunnel whose peer answers no ping is over for the kernel as well`() throws {
        let isAnswered = Mutex(false)
        let hasReset = Mutex(false)
        try run(
            { peer, target in
                try peer.send(RawPeer.connect(target))
                let wasAccepted = try peer.receive(until: RawPeer.accepted())
                #expect(wasAccepted)
                isAnswered.withLock { $0 = true }
                try peer.receiveAll()
                // The reset comes behind the end.
                for _ in 0..<500 where !peer.isReset { usleep(10_000) }
                hasReset.withLock { $0 = peer.isReset }
            },
            turning: {
                if isAnswered.withLock({ $0 }) { clock.advance(by: .milliseconds(500)) }
            })
        #expect(path.accepter.endings.first?.cause == .tunnelLost("\(TunnelFailure.keepAliveTimedOut)"))
        #expect(hasReset.withLock { $0 })
    }
}
