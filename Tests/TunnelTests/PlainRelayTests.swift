import EventLoop
import Glibc
import Primitives
import System
import Testing
@testable import Tunnel

/// Takes connections and relays each to one target.
private final class PlainEntrance: EventHandler, PlainRelayOwner {
    let loop: EventLoop
    let buffers = RelayBuffers()
    let target: Endpoint
    let listener: OwnedDescriptor
    private var relays: [PlainRelay] = []
    private(set) var endings: [RelayEnding] = []
    private let silence: SilenceBounds
    /// What the kernel keeps for a socket that it dials, if not the usual.
    private let sendByteCount: Int32?

    init(
        _ loop: EventLoop, to target: Endpoint, silence: SilenceBounds = SilenceBounds(),
        receiveByteCount: Int32? = nil, sendByteCount: Int32? = nil
    ) throws {
        (self.loop, self.target, self.silence) = (loop, target, silence)
        self.sendByteCount = sendByteCount
        listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        _ = try loop.register(listener, for: .listener, handler: self)
        if let receiveByteCount { setBuffer(of: listener.raw, SO_RCVBUF, receiveByteCount) }
    }

    var endpoint: Endpoint? { TCPSocket.localEndpoint(of: listener) }

    /// Bytes read from those that it has accepted.
    var readByteCount: Int { relays.map { Int($0.bytesFromAccepted) }.reduce(0, +) }

    func ready(_ events: ReadyEvents) {
        while let accepted = try? TCPSocket.accept(listener), let dialled = try? TCPSocket.connect(to: target) {
            if let sendByteCount { setBuffer(of: dialled.raw, SO_SNDBUF, sendByteCount) }
            let relay = try? PlainRelay(
                loop: loop, buffers: buffers, accepted: accepted.take(), dialled: dialled, owner: self,
                silence: silence)
            if let relay { relays.append(relay) }
        }
    }

    func relayConnected(_ relay: PlainRelay) {}
    func relayEnded(_ relay: PlainRelay, _ ending: RelayEnding) { endings.append(ending) }
}

struct PlainRelayTests {
    @Test func `bulk passes in the kernel, whole, past a reader that pauses, and leaves no pipe in use`() throws {
        let loop = try EventLoop()
        let echo = try Echo(loop: loop)
        let entrance = try PlainEntrance(loop, to: #require(echo.endpoint))
        let address = try #require(entrance.endpoint)
        try loop.turn {
            let client = try Client(address)
            let message = pattern(24 << 20, seed: 5)
            Job { [socket = client.socket] in sendAll(socket, message) }.start()
            // All buffers on the way fill up meanwhile.
            usleep(500_000)
            let answer = try client.receiveAll(message.count)
            #expect(answer == message)
            client.finish()
            let rest = try client.receive(1)
            #expect(rest.isEmpty)
        } until: {
            entrance.endings.count == 1
        }
        #expect(entrance.endings.first?.cause == .completed)
        #expect(entrance.endings.first?.bytesFromSocket == 24 << 20)
        #expect(entrance.endings.first?.bytesToSocket == 24 << 20)
        // It was used, and is empty again.
        #expect(!entrance.buffers.pipes.idle.isEmpty)
        #expect(entrance.buffers.pipes.idle.allSatisfy { $0.count == 0 })
    }

    @Test func `a peer that resets amid bulk ends the relay, and its bytes reach nobody else`() throws {
        let loop = try EventLoop()
        let echo = try Echo(loop: loop)
        let entrance = try PlainEntrance(loop, to: #require(echo.endpoint))
        let address = try #require(entrance.endpoint)
        try loop.turn {
            let first = try Client(address)
            var limit = timeval(tv_sec: 0, tv_usec: 300_000)
            unsafe setsockopt(
                first.socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            sendAll(first.socket, [UInt8](repeating: 1, count: 64 << 20))
            first.reset()
            _ = consume first
            let second = try Client(address)
            let message = pattern(2 << 20, seed: 9)
            Job { [socket = second.socket] in sendAll(socket, message) }.start()
            let answer = try second.receiveAll(message.count)
            #expect(answer == message)
            second.finish()
            _ = try second.receive(1)
        } until: {
            entrance.endings.count == 2
        }
        #expect(entrance.endings.contains { $0.cause != .completed })
        #expect(entrance.buffers.pipes.idle.allSatisfy { $0.count == 0 })
    }

    @Test(arguments: [true, false])
    func `a half-closed relay lives as long as it moves something, and no longer`(isClientFirst: Bool) throws {
        let loop = try EventLoop()
        let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        let target = TCPSocket.localEndpoint(of: listener)
        let entrance = try PlainEntrance(
            loop, to: #require(target), silence: SilenceBounds(halfClosed: .milliseconds(400)))
        let address = try #require(entrance.endpoint)
        let raw = listener.raw
        try loop.turn {
            let client = try Client(address)
            let server = nextConnection(at: raw)
            shutdown(isClientFirst ? client.socket : server, Int32(SHUT_WR))
            let (talker, listener) = isClientFirst ? (server, client.socket) : (client.socket, server)
            // Longer than the bound, never silent for as long.
            for number in 0..<12 {
                sendAll(talker, [UInt8(number)])
                var byte: UInt8 = 255
                let count = unsafe recv(listener, &byte, 1, Int32(MSG_WAITALL))
                #expect(count == 1 && byte == UInt8(number))
                usleep(100_000)
            }
            var byte: UInt8 = 255
            let count = unsafe recv(listener, &byte, 1, 0)
            let failure = Errno.current
            #expect(count == -1 && failure == .connectionReset)
            close(server)
        } until: {
            entrance.endings.count == 1
        }
        #expect(entrance.endings.first?.cause == .aborted("half-closed and silent for too long"))
        withExtendedLifetime(listener) {}
    }

    /// Runs the body with a client, the server that it is relayed to, and the way to let time pass, until the relay has
    /// ended. What the relay sends is kept by the kernel up to so many bytes at either end.
    private func relay(
        silence: SilenceBounds = SilenceBounds(), bufferByteCount: Int32? = nil,
        _ body: @escaping @Sendable (borrowing Client, _ server: Int32, Passage) throws -> Void
    ) throws -> [RelayCause] {
        let clock = ManualClock(now: MonotonicClock.now())
        let loop = try EventLoop(clock: clock)
        let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        if let bufferByteCount { setBuffer(of: listener.raw, SO_RCVBUF, bufferByteCount) }
        let target = TCPSocket.localEndpoint(of: listener)
        let entrance = try PlainEntrance(
            loop, to: #require(target), silence: silence, sendByteCount: bufferByteCount)
        let address = try #require(entrance.endpoint)
        let (passage, raw) = (Passage(), listener.raw)
        try loop.turn {
            let client = try Client(address)
            let server = nextConnection(at: raw)
            defer { close(server) }
            try body(client, server, passage)
        } until: {
            entrance.endings.count == 1
        } turning: {
            passage.turned(loop, clock)
        }
        withExtendedLifetime(listener) {}
        return entrance.endings.map(\.cause)
    }

    private static let (little, much) = (Limits.silentDuration * 3 / 4, Limits.silentDuration + .milliseconds(2))

    @Test(arguments: [true, false])
    func `a relay on which a byte moves now and then lives on, and is reset once none does`(isBounded: Bool) throws {
        let causes = try relay(silence: SilenceBounds(open: isBounded ? Limits.silentDuration : nil)) {
            client, server, passage in
            for byte in 0..<6 as Range<UInt8> {
                sendAll(server, [byte])
                let got = try client.receiveAll(1)
                #expect(got == [byte])
                passage.pass(Self.little)
            }
            passage.pass(Self.much)
            passage.pass(Self.much)
            guard !isBounded else {
                #expect(throws: Errno(ECONNRESET)) { _ = try client.receive(1) }
                return
            }
            sendAll(server, [6])
            let got = try client.receiveAll(1)
            #expect(got == [6])
        }
        #expect(causes == [isBounded ? .aborted("silent for too long") : .completed])
    }

    @Test func `what waits for a slow reader counts as it leaves`() throws {
        // Much more at a time than the kernel keeps, so that some of it has just left the relay.
        let (message, pieceByteCount) = (pattern(64 * 1024, seed: 7), 16 * 1024)
        let causes = try relay(bufferByteCount: 4096) { client, server, passage in
            try client.send(message)
            var received: [UInt8] = []
            var room = [UInt8](repeating: 0, count: pieceByteCount)
            while received.count < message.count {
                passage.pass(Self.little)
                let count = unsafe recv(server, &room, room.count, Int32(MSG_WAITALL))
                guard count > 0 else { break }
                received += room[..<count]
            }
            #expect(received == message)
        }
        #expect(causes == [.completed])
    }

    /// Says what the client says; reads what is there and returns it.
    private func receive(_ socket: Int32) -> [UInt8] {
        var room = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe recv(socket, &room, room.count, Int32(MSG_DONTWAIT))
        return Array(room.prefix(max(0, count)))
    }

    @Test func `readers that read again at once share the turns of their relays, and all get everything`() throws {
        let loop = try EventLoop()
        let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        setBuffer(of: listener.raw, SO_RCVBUF, 16 * 1024)
        let target = TCPSocket.localEndpoint(of: listener)
        let entrance = try PlainEntrance(
            loop, to: #require(target), receiveByteCount: 128 * 1024, sendByteCount: 128 * 1024)
        let address = try #require(entrance.endpoint)
        var clients: [Int32] = []
        for _ in 0..<32 {
            let client = try Client(address)
            clients.append(dup(client.socket))
            setBuffer(of: client.socket, SO_SNDBUF, 128 * 1024)
        }
        func turn(_ count: Int) { for _ in 0..<count { loop.turn(waitingAtMost: .milliseconds(2)) } }
        turn(20)
        let servers = clients.map { _ in nextConnection(at: listener.raw) }
        // Until all that lies between is full.
        let message = pattern(2 << 20, seed: 3)
        var sent = clients.map { _ in 0 }
        for _ in 0..<64 {
            for number in clients.indices {
                let count = unsafe message[sent[number]...].withUnsafeBytes {
                    unsafe send(clients[number], $0.baseAddress, 32 * 1024, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                }
                sent[number] += max(0, count)
            }
            turn(2)
        }
        #expect(sent.allSatisfy { $0 < message.count })
        for client in clients { shutdown(client, Int32(SHUT_WR)) }
        var received = servers.map { _ in [UInt8]() }
        var most = 0
        let limit = MonotonicClock.now() + .seconds(60)
        while received.map(\.count) != sent, MonotonicClock.now() < limit {
            for number in servers.indices { received[number] += receive(servers[number]) }
            let before = entrance.readByteCount
            loop.turn(waitingAtMost: .milliseconds(2))
            most = max(most, entrance.readByteCount - before)
        }
        for number in servers.indices { #expect(received[number] == Array(message[..<sent[number]])) }
        for server in servers { shutdown(server, Int32(SHUT_WR)) }
        while entrance.endings.count < 32, MonotonicClock.now() < limit { turn(1) }
        #expect(entrance.endings.count { $0.cause == .completed } == 32)
        // The last one moves its own share, and a read beyond it.
        let bound = Limits.workerTurnRelayByteCountMax + Limits.turnByteCountMax + Limits.receiveByteCountMax
        #expect(most > 0 && most <= bound, "\(most)")
        for socket in clients + servers { close(socket) }
    }
}
