import Glibc
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

    @Test func `streams that use up the tunnel's share are reset, and the others go on`() throws {
        var options = Path.Options()
        options.receive.tunnelByteCountMax = 256 * 1024
        options.receive.patience = .milliseconds(500)
        let silent = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        options.secondTarget = TCPSocket.localEndpoint(of: silent)
        let path = try Path(options)
        let waiting = Mutex(0)
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
            turning: {
                let most = path.accepter.tunnels.map(\.waitingByteCount).max() ?? 0
                waiting.withLock { $0 = max($0, most) }
            })
        // One read more than the share, and what the windows of the streams let through with it.
        #expect(waiting.withLock { $0 } <= 256 * 1024 + Limits.receiveByteCountMax)
        #expect(waiting.withLock { $0 } > 256 * 1024)
        path.accepter.tunnels.first?.abandon("the test is over")
        #expect(path.accepter.buffers.budget.waitingByteCount == 0)
        withExtendedLifetime(silent) {}
    }
}
