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
    private let silenceMax: Duration

    init(_ loop: EventLoop, to target: Endpoint, silenceMax: Duration = Limits.halfClosedDuration) throws {
        (self.loop, self.target, self.silenceMax) = (loop, target, silenceMax)
        listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        _ = try loop.register(listener, for: .listener, handler: self)
    }

    var endpoint: Endpoint? { TCPSocket.localEndpoint(of: listener) }

    func ready(_ events: ReadyEvents) {
        while let accepted = try? TCPSocket.accept(listener), let dialled = try? TCPSocket.connect(to: target) {
            let relay = try? PlainRelay(
                loop: loop, buffers: buffers, accepted: accepted.take(), dialled: dialled, owner: self,
                silenceMax: silenceMax)
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
        let entrance = try PlainEntrance(loop, to: #require(target), silenceMax: .milliseconds(400))
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
}
