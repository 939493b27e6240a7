import EventLoop
import Glibc
import Primitives
import System
import Testing

@testable import HTTP2
@testable import Tunnel

/// Applications behind one tunnel that have stopped reading, so that bytes wait on each of its streams, and none
/// anywhere else. They live on the thread of the loop, and do nothing while it turns.
final class StalledReaders {
    let path: Path
    /// The accepting ends of their streams.
    private(set) var streams: [TunnelStream] = []
    /// What was sent to each, and what each has got so far, not in the same order.
    private(set) var sent: [[UInt8]] = []
    private(set) var received: [[UInt8]]
    /// How reading has ended: 0 is the end, anything else an error; nil while it goes on.
    private(set) var outcomes: [Int32?]
    private let listener: OwnedDescriptor
    private var clients: [Int32] = []
    private(set) var servers: [Int32] = []

    init(_ count: Int) throws {
        listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        setBuffer(of: listener.raw, SO_RCVBUF, 16 * 1024)
        var options = Path.Options()
        options.target = TCPSocket.localEndpoint(of: listener)
        options.applicationSendByteCount = 64 * 1024
        path = try Path(options)
        received = Array(repeating: [], count: count)
        outcomes = Array(repeating: nil, count: count)
        for _ in 0..<count {
            let client = try Client(path.entrance)
            clients.append(dup(client.socket))
        }
        try turn { path.opener.statuses.count == count }
        servers = (0..<count).map { _ in nextConnection(at: listener.raw) }
        streams = (session?.openStreams ?? []).compactMap { $0 as? TunnelStream }
        for number in 0..<count { try fill(number) }
    }

    deinit { for socket in clients + servers { close(socket) } }

    private var session: HTTP2Session? { path.accepter.tunnels.first?.ownedSession }
    var pendingByteCount: Int { streams.map(\.pendingByteCount).reduce(0, +) }
    var writtenByteCount: Int { streams.map { Int($0.bytesToSocket) }.reduce(0, +) }

    private func arrived(_ stream: TunnelStream) -> Int { Int(stream.bytesToSocket) + stream.pendingByteCount }

    /// Sends to one until something waits for it, but no more than its window lets through.
    private func fill(_ number: Int) throws {
        var piece = pattern(7000, seed: UInt8(2 * number + 1))
        var bytes: [UInt8] = []
        let before = streams.map(arrived)
        var stream: TunnelStream?
        while stream.map({ $0.pendingByteCount < 16 * 1024 }) ?? true {
            let total = writtenByteCount + pendingByteCount + piece.count
            piece[0] &+= 1
            sendAll(clients[number], piece)
            bytes += piece
            try turn { writtenByteCount + pendingByteCount == total }
            stream = stream ?? zip(streams, before).first { arrived($0) > $1 }?.0
            // The kernel has some room before it says so.
            stream?.deliver()
        }
        sent.append(bytes)
    }

    /// Every other application says that it has nothing to say, and then all clients end. So half of the streams are
    /// over for the peer.
    func end() throws {
        for number in stride(from: 0, to: servers.count, by: 2) { shutdown(servers[number], Int32(SHUT_WR)) }
        for client in clients { shutdown(client, Int32(SHUT_WR)) }
        try turn { streams.count { $0.lingering != nil } == (servers.count + 1) / 2 }
    }

    /// Reads what is there, once for each of them; those that have come to an end close their connections.
    func read() {
        var room = [UInt8](repeating: 0, count: 256 * 1024)
        for number in servers.indices {
            while outcomes[number] == nil {
                let count = unsafe recv(servers[number], &room, room.count, Int32(MSG_DONTWAIT))
                let failure = Errno.current
                if count < 0, failure.code == EAGAIN { break }
                if count > 0 {
                    received[number] += room[..<count]
                } else {
                    outcomes[number] = count == 0 ? 0 : failure.code
                    shutdown(servers[number], Int32(SHUT_WR))
                }
            }
        }
    }

    func turn(until settled: () -> Bool) throws {
        let limit = MonotonicClock.now() + .seconds(60)
        while !settled() {
            guard MonotonicClock.now() < limit else { throw Errno.timedOut }
            path.loop.turn(waitingAtMost: .milliseconds(5))
        }
    }
}
