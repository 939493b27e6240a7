import Glibc
import Identity
import Primitives
import Synchronization
import System
import Testing
import Tunnel

/// What the pool owes to its callers and to its peers (the contract's table A.8).
@Suite(.serialized) struct PoolTests {
    /// Opens so many connections at once, exchanges a byte on each, and closes them; `meanwhile` runs while all are
    /// open.
    private static func exchange(
        _ entrance: Endpoint, _ count: Int, meanwhile: () throws -> Void = {}
    ) throws {
        var clients = ClientList()
        for _ in 0..<count { clients.append(try Client(entrance)) }
        try clients.forEach { client in
            try client.send([7])
            let answer = try client.receiveAll(1)
            #expect(answer == [7])
        }
        try meanwhile()
    }

    @Test(arguments: [(3, 2, 1), (2, 4, 2), (101, 100, 1), (2, 5, 3)])
    func `streams gather on as few tunnels as the bound allows, and later ones use them again`(
        bound: Int, count: Int, tunnels: Int
    ) throws {
        let path = try Path(Path.Options(streamCountMax: bound))
        for round in 1...2 {
            try path.run(
                { entrance in try Self.exchange(entrance, count) },
                until: { [path.opener.endings, path.accepter.endings].allSatisfy { $0.count == round * count } })
        }
        #expect(path.opener.failures.isEmpty)
        #expect(path.opener.pool.tunnelCount == tunnels)
        #expect(path.accepter.peers.count == tunnels)
        path.opener.pool.abandon("the pool is dropped")
        try path.run({ _ in }, until: { path.accepter.tunnels.isEmpty })
        #expect(path.opener.pool.tunnelCount == 0)
    }

    @Test func `a peer that has said that it takes fewer streams is obeyed`() throws {
        let path = try Path(Path.Options(acceptedStreamCountMax: 3))
        for count in [1, 9, 9] {
            let before = path.opener.endings.count
            try path.run(
                { entrance in try Self.exchange(entrance, count) },
                until: { [path.opener.endings, path.accepter.endings].allSatisfy { $0.count == before + count } })
        }
        #expect(path.opener.failures.isEmpty)
        #expect(path.opener.endings.allSatisfy { $0.cause == .completed })
        #expect(path.opener.pool.tunnelCount == 3)
    }

    @Test func `a tunnel without streams is released after its time, and one with a stream is not`() throws {
        let path = try Path(Path.Options(idleDuration: .milliseconds(100)))
        try path.run({ entrance in
            try Self.exchange(entrance, 1) { usleep(300_000) }
        })
        #expect(path.accepter.peers.count == 1, "the stream was cut off")
        try path.run({ _ in }, until: { path.accepter.tunnels.isEmpty && path.opener.pool.tunnelCount == 0 })
        #expect(path.accepter.failures.isEmpty, "it ends in order")
        try path.run({ entrance in try Self.exchange(entrance, 1) })
        #expect(path.accepter.peers.count == 2)
    }

    @Test func `a tunnel whose last stream outlives its time goes with that stream`() throws {
        let path = try Path(Path.Options(idleDuration: .seconds(3)))
        try path.run({ entrance in try Self.exchange(entrance, 1) { usleep(3_200_000) } })
        let ended = MonotonicClock.now()
        try path.run({ _ in }, until: { path.accepter.tunnels.isEmpty })
        #expect(MonotonicClock.now() - ended < .milliseconds(1500))
        #expect(path.accepter.failures.isEmpty, "it ends in order")
    }

    @Test func `of more idle tunnels than are kept those idle for longest go`() throws {
        let path = try Path(Path.Options(idleCountMax: 2, identityCount: 5))
        try path.run({ entrance in for _ in 0..<5 { try Self.exchange(entrance, 1) } })
        try path.run({ _ in }, until: { path.accepter.tunnels.count == 2 && path.opener.endings.count == 5 })
        #expect(path.accepter.peers.count == 5)
        // The fourth and the fifth are there, the first is made again.
        for (skipped, made) in [(3, 5), (0, 5), (0, 6)] {
            path.opener.skip(skipped)
            try path.run({ entrance in try Self.exchange(entrance, 1) })
            #expect(path.accepter.peers.count == made)
        }
    }

    @Test func `of several tunnels without streams to the same peer, one is kept`() throws {
        let path = try Path(Path.Options(surplusDuration: .milliseconds(100), streamCountMax: 2))
        try path.run({ entrance in try Self.exchange(entrance, 6) }, until: { path.opener.endings.count == 6 })
        #expect(path.accepter.peers.count == 3)
        try path.run({ _ in }, until: { path.accepter.tunnels.count == 1 })
        try path.run({ _ in usleep(300_000) })
        #expect(path.opener.pool.tunnelCount == 1, "the last is no surplus")
        try path.run({ entrance in try Self.exchange(entrance, 2) })
        #expect(path.accepter.peers.count == 3, "it is used again")
    }

    @Test func `after GOAWAY the next stream opens a new tunnel, and those that are open go on`() throws {
        let path = try Path()
        let isOpen = Mutex(false)
        let isDrained = Mutex(false)
        var drained: Instant?
        try path.run(
            { entrance in
                try Self.exchange(entrance, 1) {
                    isOpen.withLock { $0 = true }
                    while !isDrained.withLock({ $0 }) { usleep(1000) }
                    try Self.exchange(entrance, 1)
                }
            },
            until: { path.opener.endings.count == 2 },
            turning: {
                guard isOpen.withLock({ $0 }), !isDrained.withLock({ $0 }) else { return }
                if let drained {
                    if MonotonicClock.now() - drained > .milliseconds(200) { isDrained.withLock { $0 = true } }
                } else {
                    drained = MonotonicClock.now()
                    path.accepter.tunnels.first?.drain()
                }
            })
        #expect(path.opener.endings.allSatisfy { $0.cause == .completed })
        #expect(path.accepter.peers.count == 2)
    }

    @Test func `one tunnel is made at a time, and all who wait fail at once when it cannot be had`() throws {
        let path = try Path(Path.Options(expected: Authority.web))
        let started = MonotonicClock.now()
        try path.run(
            { entrance in
                var clients = ClientList()
                for _ in 0..<20 { clients.append(try Client(entrance)) }
                clients.forEach { client in
                    let answer = try? client.receive(1)
                    #expect(answer == nil || answer == [])
                }
            }, until: { path.opener.failures.count == 20 })
        #expect(MonotonicClock.now() - started < .seconds(5))
        #expect(path.opener.pool.tunnelCount == 0)
        #expect(path.opener.dialCount <= 3, "each who waits dials for itself")
    }

    @Test func `each of a hundred identities has a tunnel of its own`() throws {
        let path = try Path(Path.Options(identityCount: 100))
        try path.run({ entrance in try Self.exchange(entrance, 100) }, until: { path.opener.endings.count == 100 })
        #expect(path.opener.pool.tunnelCount == 100)
        #expect(path.accepter.peers.count == 100)
    }
}

/// Clients that are open at once; an array takes no noncopyable values.
private struct ClientList: ~Copyable {
    private var clients: [Held] = []
    private final class Held {
        let client: Client
        init(_ client: consuming Client) { self.client = client }
    }
    mutating func append(_ client: consuming Client) { clients.append(Held(client)) }
    func forEach(_ body: (borrowing Client) throws -> Void) rethrows { for held in clients { try body(held.client) } }
}
