import EventLoop
import Glibc
import HTTP2
import Primitives
import Synchronization
import System
import Testing
@testable import Tunnel

struct ReceiveTests {
    @Test func `the window of bulk grows, and is back when the stream has ended`() throws {
        let path = try Path()
        let largest = Mutex(0)
        try path.run(
            { entrance in
                let client = try Client(entrance)
                for round in 0..<32 {
                    let piece = pattern(1 << 20, seed: UInt8(round))
                    let sender = Job { [socket = client.socket] in sendAll(socket, piece) }
                    sender.start()
                    let answer = try client.receiveAll(piece.count)
                    #expect(answer == piece)
                }
            },
            until: { path.accepter.endings.count == 1 && path.opener.endings.count == 1 },
            turning: {
                let growth = path.accepter.tunnels.map(\.windowGrowth).max() ?? 0
                largest.withLock { $0 = max($0, growth) }
            })
        #expect(largest.withLock { $0 } > 256 * 1024)
        #expect(path.accepter.tunnels.first?.windowGrowth == 0)
        #expect(path.accepter.buffers.budget.growth == 0)
        #expect(path.opener.buffers.budget.growth == 0)
    }

    @Test func `streams that move nothing any more leave their windows to others of their tunnel`() throws {
        let path = try Path()
        let hasGrown = Mutex(false)
        let largest = Mutex(0)
        try path.run(
            { entrance in
                var idle: [Int32] = []
                for _ in 0..<2 {
                    let client = try Client(entrance)
                    try client.send([1])
                    _ = try client.receiveAll(1)
                    idle.append(dup(client.socket))
                }
                while !hasGrown.withLock({ $0 }) { usleep(1000) }
                let client = try Client(entrance)
                for round in 0..<32 {
                    let piece = pattern(1 << 20, seed: UInt8(round))
                    let sender = Job { [socket = client.socket] in sendAll(socket, piece) }
                    sender.start()
                    _ = try client.receiveAll(piece.count)
                }
                for socket in idle { close(socket) }
            },
            until: { path.accepter.endings.count == 3 },
            turning: {
                guard let tunnel = path.accepter.tunnels.first, let session = tunnel.ownedSession else { return }
                let streams = session.openStreams.compactMap { $0 as? TunnelStream }
                if !hasGrown.withLock({ $0 }), streams.count == 2 {
                    for stream in streams {
                        let before = stream.window.growth
                        stream.window.resize(to: Limits.streamWindowByteCountMax)
                        tunnel.windowChanged(of: stream, by: stream.window.growth - before)
                    }
                    hasGrown.withLock { $0 = true }
                } else if streams.count == 3 {
                    largest.withLock { $0 = max($0, streams.last?.window.growth ?? 0) }
                }
            })
        #expect(largest.withLock { $0 } > 256 * 1024)
        #expect(path.accepter.buffers.budget.growth == 0)
    }

    /// The applications of these take nothing.
    private func stalled(_ count: Int, _ entrance: Endpoint) throws -> [Int32] {
        try (0..<count).map { _ in
            let client = try Client(entrance)
            let socket = dup(client.socket)
            var limit = timeval(tv_sec: 0, tv_usec: 300_000)
            unsafe setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            return socket
        }
    }

    /// Has eight applications that do not read be sent more than there is room for, until streams are cut; another one
    /// is served meanwhile. Returns the most that `waiting` came to.
    private func overload(_ options: Path.Options, _ waiting: (Path) -> Int) throws -> Int {
        let silent = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        var options = options
        options.receive.patience = .milliseconds(500)
        options.secondTarget = TCPSocket.localEndpoint(of: silent)
        let path = try Path(options)
        var most = 0
        try path.run(
            { entrance in
                // The first connection goes to the echo, the others to somebody who never reads.
                let sibling = try Client(entrance)
                try sibling.send([1])
                let first = try sibling.receiveAll(1)
                #expect(first == [1])
                let sockets = try stalled(8, entrance)
                for socket in sockets { sendAll(socket, [UInt8](repeating: 7, count: 16 << 20)) }
                for round in 0..<20 {
                    let message = pattern(5000, seed: UInt8(round))
                    try sibling.send(message)
                    let answer = try sibling.receiveAll(message.count)
                    #expect(answer == message)
                }
                for socket in sockets { close(socket) }
            },
            until: { path.accepter.endings.contains { "\($0.cause)".contains("an application that does not read") } },
            turning: { most = max(most, waiting(path)) })
        for tunnel in path.accepter.tunnels { tunnel.abandon("the test is over") }
        #expect(path.accepter.buffers.budget.node.heldByteCount == 0)
        #expect(path.accepter.buffers.cutStreamCount > 0)
        withExtendedLifetime(silent) {}
        return most
    }

    @Test func `streams that use up the tunnel's share are reset, and the others go on`() throws {
        var options = Path.Options()
        options.receive.tunnelByteCountMax = 256 * 1024
        let most = try overload(options) { $0.accepter.tunnels.map(\.waitingByteCount).max() ?? 0 }
        // One read more than the share, and what the windows of the streams let through with it.
        #expect(most > 256 * 1024 && most <= 256 * 1024 + Limits.receiveByteCountMax)
    }

    @Test func `windows do not grow while a third of what may wait on a tunnel waits`() throws {
        var options = Path.Options()
        options.receive.tunnelByteCountMax = 256 * 1024
        let most = try overload(options) { path in
            let budget = path.accepter.buffers.budget
            return path.accepter.tunnels.filter { $0.waitingByteCount > 100 * 1024 }
                .map { budget.allowance(on: $0, at: Instant(nanoseconds: 0)) + 1 }.max() ?? 0
        }
        #expect(most == 0)
    }

    @Test func `tunnels that use up the node's share are held back though each keeps within its own`() throws {
        var options = Path.Options()
        options.identityCount = 2
        options.receive.tunnelByteCountMax = 1 << 20
        options.receive.nodeByteCountMax = 256 * 1024
        let most = try overload(options) { $0.accepter.buffers.budget.node.heldByteCount }
        // One read of each tunnel more, in queues whose memory doubles.
        #expect(most > 256 * 1024 && most <= 2 * (256 * 1024 + 2 * Limits.receiveByteCountMax))
    }

    @Test func `streams that peers leave behind are few, however little waits for each`() throws {
        let loop = try EventLoop()
        let budget = ReceiveBudget(ReceiveLimits())
        let streams = (0..<4096).map { _ in TunnelStream(accepting: loop) }
        let kept = streams.filter { $0.linger(1, heldIn: 1, budget) }
        #expect(kept.count > 0 && kept.count <= 1024, "\(kept.count)")
        for stream in kept { stream.endLingering() }
        #expect(budget.lingeringByteCount == 0)
    }

    @Test func `what peers leave behind for applications is delivered, within a bound for all tunnels`() throws {
        let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        var options = Path.Options()
        options.target = TCPSocket.localEndpoint(of: listener)
        options.identityCount = 2
        options.receive.lingeringByteCountMax = 128 * 1024
        let path = try Path(options)
        let raw = listener.raw
        let waiting = Mutex(0)
        let expected = Mutex<[Bool]>([])
        let outcomes = Mutex<[Bool]>([])
        try path.run(
            { entrance in
                var sessions: [(server: Int32, sent: Int)] = []
                var kept = 0
                for _ in 0..<3 {
                    // The application has said all that it has to say, and does not read for now.
                    let client = try Client(entrance)
                    let server = nextConnection(at: raw)
                    shutdown(server, Int32(SHUT_WR))
                    var sent = 0
                    while waiting.withLock({ $0 }) < 48 * 1024 {
                        try client.send([UInt8](repeating: 7, count: 16 * 1024))
                        sent += 16 * 1024
                        usleep(2000)
                    }
                    var left = 0
                    while left != waiting.withLock({ $0 }) {
                        left = waiting.withLock { $0 }
                        usleep(100_000)
                    }
                    let fits = kept + left <= 128 * 1024
                    if fits { kept += left }
                    expected.withLock { $0.append(fits) }
                    client.finish()
                    while waiting.withLock({ $0 }) > 0 { usleep(2000) }
                    sessions.append((server, sent))
                }
                for (server, sent) in sessions {
                    let isWhole = receiveAll(server) == sent
                    outcomes.withLock { $0.append(isWhole) }
                    close(server)
                }
            },
            until: { path.accepter.endings.count == 3 },
            turning: {
                let now = path.accepter.tunnels.map(\.waitingByteCount).reduce(0, +)
                waiting.withLock { $0 = now }
            })
        #expect(outcomes.withLock { $0 } == expected.withLock { $0 })
        #expect(outcomes.withLock { $0.contains(true) && $0.contains(false) })
        #expect(path.accepter.endings.contains { "\($0.cause)".contains("too many bytes wait for applications") })
        #expect(path.accepter.buffers.budget.lingeringByteCount == 0)
        #expect(path.accepter.buffers.budget.node.heldByteCount == 0)
        withExtendedLifetime(listener) {}
    }
}

/// How many bytes come until the end; fewer than none when it is a reset.
private func receiveAll(_ socket: Int32) -> Int {
    var room = [UInt8](repeating: 0, count: 65536)
    var total = 0
    while true {
        let count = unsafe recv(socket, &room, room.count, 0)
        if count <= 0 { return count < 0 ? -1 : total }
        total += count
    }
}
