import EventLoop
import Glibc
import HTTP2
import Primitives
import Synchronization
import System
import TLS
import Testing

@testable import Tunnel

@Suite(.serialized) struct TunnelTests {
    @Test func `bytes come back through the tunnel and both ends close in order`() throws {
        let path = try Path()
        try path.run(
            { entrance in
                let client = try Client(entrance)
                try client.send(pattern(100, seed: 1))
                let answer = try client.receiveAll(100)
                #expect(answer == pattern(100, seed: 1))
                client.finish()
                let rest = try client.receive(1)
                #expect(rest.isEmpty)
            }, until: { path.opener.endings.count == 1 && path.accepter.endings.count == 1 })
        #expect(path.opener.endings.first?.cause == .completed)
        #expect(path.accepter.endings.first?.cause == .completed)
        #expect(path.opener.endings.first?.bytesFromSocket == 100)
        #expect(path.accepter.endings.first?.bytesToSocket == 100)
        #expect(path.accepter.peers == [Authority.web])
        #expect(path.opener.pool.tunnelCount == 1)
    }

    @Test func `32 MiB both ways at once on one connection arrive whole`() throws {
        let path = try Path()
        try path.run({ entrance in
            let client = try Client(entrance)
            let all = pattern(32 << 20, seed: 2)
            let socket = client.socket
            let sender = Job { sendAll(socket, all) }
            sender.start()
            let answer = try client.receiveAll(all.count)
            #expect(answer == all)
        })
    }

    @Test func `many connections share one tunnel and leave no stream behind`() throws {
        let path = try Path()
        try path.run(
            { entrance in
                for round in 0..<500 {
                    let client = try Client(entrance)
                    let message = pattern(64 + round, seed: UInt8(truncatingIfNeeded: round))
                    try client.send(message)
                    let answer = try client.receiveAll(message.count)
                    #expect(answer == message)
                }
            }, until: { path.opener.endings.count == 500 && path.accepter.endings.count == 500 })
        #expect(path.opener.pool.tunnelCount == 1)
        #expect(path.accepter.tunnels.count == 1)
        #expect(path.accepter.tunnels.first?.streamCount == 0)
    }

    /// An application that is brought nothing.
    private func callInVain(_ path: Path) throws {
        try path.run(
            { entrance in
                let client = try Client(entrance)
                let answer = try? client.receive(1)
                #expect(answer == nil || answer == [])
            }, until: { path.opener.endings.count == 1 })
    }

    @Test func `a refused application is answered 503 and the tunnel stays`() throws {
        let path = try Path(Path.Options(target: Endpoint("127.0.0.1:1")))
        try callInVain(path)
        #expect(path.opener.statuses == [503])
        #expect(path.opener.pool.tunnelCount == 1)
    }

    @Test func `a reset of the application crosses the tunnel as a reset`() throws {
        let path = try Path()
        try path.run(
            { entrance in
                let client = try Client(entrance)
                try client.send([1])
                _ = try client.receive(1)
                client.reset()
            }, until: { path.opener.endings.count == 1 && path.accepter.endings.count == 1 })
        #expect(path.opener.endings.first?.cause == .socketFailed(.connectionReset))
        #expect(path.accepter.endings.first?.cause == .streamReset(.connectError))
    }

    @Test func `a stream that its peer has gone away from before it took it was reset by nobody`() throws {
        let path = try Path(Path.Options(leavesAtOnce: true))
        try callInVain(path)
        #expect(path.opener.endings.map(\.cause) == [.tunnelLost("the peer went away before it took the stream")])
        #expect(path.opener.statuses.isEmpty)
    }

    @Test func `a tunnel that is drained amid its handshake carries what was under way, and then goes`() throws {
        let path = try Path()
        var isDrained = false
        try path.run(
            { entrance in
                let client = try Client(entrance)
                try client.send([1])
                let answer = try client.receiveAll(1)
                #expect(answer == [1])
                client.finish()
                let rest = try client.receive(1)
                #expect(rest.isEmpty)
            },
            until: { path.accepter.tunnels.isEmpty && path.opener.pool.tunnelCount == 0 },
            turning: {
                guard !isDrained, let tunnel = path.accepter.tunnels.first else { return }
                isDrained = true
                tunnel.drain()
            })
        #expect(isDrained)
        #expect(path.accepter.failures.isEmpty && path.opener.failures.isEmpty)
    }

    @Test func `a peer that goes while its requests wait for their turn leaves no stream behind`() throws {
        let path = try Path()
        let endpoint = try #require(path.accepter.endpoint)
        let target = try #require(path.echo.endpoint)
        let context = try TLSContext.workloadClient(path.authority.credentials(Authority.web))
        let count = 5 * Limits.requestCountPerTurn
        var tunnel: TunnelConnection?
        var most = 0
        try path.loop.turn(
            while: {
                let peer = try RawPeer(endpoint, TLSConnection(client: context, expecting: [Authority.cart]))
                let requests = (0..<count).map { RawPeer.connect(target, stream: UInt8(2 * $0 + 1)) }
                try peer.send(RawPeer.preface + requests.joined())
            },
            until: { tunnel?.failure != nil && tunnel?.streamCount == 0 },
            turning: {
                tunnel = tunnel ?? path.accepter.tunnels.first
                most = max(most, tunnel?.streamCount ?? 0)
            })
        #expect(most > 3 * Limits.streamEndCountPerTurn)
    }

    @Test func `a flood of small frames is taken over many turns, and all of it arrives in order`() throws {
        let path = try Path()
        let endpoint = try #require(path.accepter.endpoint)
        let target = try #require(path.echo.endpoint)
        let context = try TLSContext.workloadClient(path.authority.credentials(Authority.web))
        let payload = pattern(1500, seed: 7)
        let isAnswered = Mutex(false)
        var waitCount = 0
        try path.loop.turn(
            while: {
                let peer = try RawPeer(endpoint, TLSConnection(client: context, expecting: [Authority.cart]))
                let small = payload.flatMap { RawPeer.data([$0]) }
                // The farewell comes right behind them, and must not overtake them.
                try peer.send(RawPeer.preface + RawPeer.connect(target) + small + RawPeer.data([], endsStream: true))
                let answer = try peer.receivePayload(payload.count)
                #expect(answer == payload)
                isAnswered.withLock { $0 = true }
                try peer.close()
            },
            until: { path.accepter.tunnels.isEmpty && isAnswered.withLock { $0 } },
            turning: {
                if let tunnel = path.accepter.tunnels.first, !tunnel.untaken.isEmpty { waitCount += 1 }
            })
        #expect(waitCount > 3)
    }

    @Test func `a half-closed stream lives as long as it moves something, and no longer`() throws {
        let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        let bound = TCPSocket.localEndpoint(of: listener)
        let target = try #require(bound)
        let path = try Path(
            Path.Options(target: target, openerSilence: SilenceBounds(halfClosed: .milliseconds(400))))
        let raw = listener.raw
        try path.run(
            { entrance in
                let client = try Client(entrance)
                client.finish()
                let server = nextConnection(at: raw)
                // Longer than the bound, never silent for as long.
                for number in 0..<12 {
                    sendAll(server, [UInt8(number)])
                    let byte = try client.receiveAll(1)
                    #expect(byte == [UInt8(number)])
                    usleep(100_000)
                }
                #expect(throws: Errno(ECONNRESET)) { _ = try client.receive(1) }
                close(server)
            }, until: { path.opener.endings.count == 1 })
        #expect(path.opener.endings.first?.cause == .aborted("half-closed and silent for too long"))
        withExtendedLifetime(listener) {}
    }

    @Test func `a reader that has stopped stops its own sender only`() throws {
        let path = try Path()
        try path.run(
            { entrance in
                // Sends without reading until everything on the way is full.
                let stalled = try Client(entrance)
                var limit = timeval(tv_sec: 1, tv_usec: 0)
                unsafe setsockopt(
                    stalled.socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                do {
                    for _ in 0..<4096 { try stalled.send(pattern(65536, seed: 3)) }
                    Issue.record("256 MiB were taken though nobody reads")
                } catch {}
                let sibling = try Client(entrance)
                for round in 0..<50 {
                    let message = pattern(5000, seed: UInt8(round))
                    try sibling.send(message)
                    let answer = try sibling.receiveAll(message.count)
                    #expect(answer == message)
                }
            })
        #expect(path.opener.pool.tunnelCount == 1)
    }
}
