import EventLoop
import Glibc
import HTTP2
import Primitives
import Synchronization
import System
import TLS
import Testing

@testable import Tunnel

/// Peers and applications that leave streams behind, and what becomes of those in an hour or in a day.
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

    /// What may pass without a byte, and what may not.
    private static let (little, much) = (Limits.silentDuration * 3 / 4, Limits.silentDuration + .milliseconds(2))

    /// Runs the body with a client and the way to let time pass, until both ends have ended its stream.
    private func relay(
        _ options: Path.Options, _ body: @escaping @Sendable (borrowing Client, Passage) throws -> Void
    ) throws -> Path {
        var options = options
        options.clock = clock
        let path = try Path(options)
        let passage = Passage()
        try path.run(
            { entrance in try body(Client(entrance), passage) },
            until: { path.opener.endings.count == 1 && path.accepter.endings.count == 1 },
            turning: { passage.turned(path.loop, clock) })
        return path
    }

    private static func exchange(_ byte: UInt8, _ client: borrowing Client) throws {
        try client.send([byte])
        let answer = try client.receiveAll(1)
        #expect(answer == [byte])
    }

    @Test func `a stream on which a byte moves now and then lives on, and is reset on both ends once none does`() throws
    {
        let path = try relay(Path.Options()) { client, passage in
            for byte in 0..<6 as Range<UInt8> {
                try Self.exchange(byte, client)
                passage.pass(Self.little)
            }
            try Self.exchange(6, client)
            // The one that is found moving, and the one after it.
            passage.pass(Self.much)
            passage.pass(Self.much)
            #expect(throws: Errno(ECONNRESET)) { _ = try client.receive(1) }
        }
        let ended = RelayCause.aborted("silent for too long")
        #expect(path.opener.endings.map(\.cause) == [ended] && path.accepter.endings.map(\.cause) == [ended])
        #expect(path.opener.endings.first?.bytesFromSocket == 7 && path.opener.endings.first?.bytesToSocket == 7)
    }

    @Test func `without a bound a stream may be silent, until one end of it ends`() throws {
        var options = Path.Options()
        (options.openerSilence.open, options.accepterSilence.open) = (nil, nil)
        (options.target, options.accepterSilence.halfClosed) = (target, Limits.halfClosedDuration * 2)
        let raw = listener.raw
        let path = try relay(options) { client, passage in
            let server = nextConnection(at: raw)
            try client.send([1])
            for _ in 0..<4 { passage.pass(Self.much) }
            sendAll(server, [2])
            let answer = try client.receiveAll(1)
            #expect(answer == [2])
            client.finish()
            passage.pass(.zero)
            passage.pass(Limits.halfClosedDuration + .milliseconds(2))
            #expect(throws: Errno(ECONNRESET)) { _ = try client.receive(1) }
            close(server)
        }
        #expect(path.opener.endings.first?.cause == .aborted("half-closed and silent for too long"))
        #expect(path.accepter.endings.first?.cause == .streamReset(.cancel))
    }

    @Test func `a stream whose peer gives no credit is reset though bytes wait for it`() throws {
        let passage = Passage()
        let raw = listener.raw
        try run(
            { peer, target in
                try peer.send(RawPeer.withoutCredit + RawPeer.connect(target))
                let wasAccepted = try peer.receive(until: RawPeer.accepted())
                #expect(wasAccepted)
                let server = nextConnection(at: raw)
                sendAll(server, pattern(1000, seed: 1))
                passage.pass(Self.much)
                let wasReset = try peer.receive(until: RawPeer.reset(8))
                #expect(wasReset)
                close(server)
            }, until: { path.accepter.endings.count == 1 }, turning: { passage.turned(path.loop, clock) })
        #expect(path.accepter.endings.first?.cause == .aborted("silent for too long"))
        #expect(path.accepter.endings.first?.bytesFromSocket == 0)
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
