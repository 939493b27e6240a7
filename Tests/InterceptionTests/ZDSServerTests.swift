import EventLoop
import Interception
import Primitives
import Schema
import System
import Testing

@Suite struct ZDSServerTests {
    private let path = "/tmp/culvert-zds-\(Entropy.uint64()).sock"

    private final class Log {
        var events: [EnrolmentEvent] = []
    }

    private func pod(_ uid: String) -> EnrolledPod { EnrolledPod(uid: uid, info: WorkloadInfo()) }

    /// Turns the loop until the client has a packet, at most for a second.
    private func packet(_ client: borrowing OwnedDescriptor, _ loop: EventLoop) throws -> SequencedPacketSocket.Packet {
        for _ in 0..<100 {
            loop.turn(waitingAtMost: .milliseconds(10))
            switch try SequencedPacketSocket.receive(from: client, capacity: 1024) {
            case .packet(let packet): return packet
            case .endOfStream: throw Errno.brokenPipe
            case .wouldBlock: continue
            }
        }
        throw Errno.timedOut
    }

    @Test func `a proxy is sent each pod with its namespace, then the end of the snapshot`() throws {
        let loop = try EventLoop()
        let log = Log()
        let server = try ZDSServer(loop: loop, path: path) { log.events.append($0) }
        let home = try NetworkNamespace.current()
        server.enrol(pod("a"), namespace: home)
        let client = try SequencedPacketSocket.connect(path: path)
        #expect(try SequencedPacketSocket.send([0x08, 0x01], on: client))
        var first = try packet(client, loop)
        #expect(try WorkloadRequest(protobuf: first.bytes).payload == .add(addition("a")))
        if let descriptor = first.descriptor.take() {
            #expect(try NetworkNamespace(adopting: descriptor).key == home.key)
        } else {
            Issue.record("no namespace came")
        }
        #expect(try SequencedPacketSocket.send([0x0a, 0x00], on: client))
        let second = try packet(client, loop)
        #expect(second.bytes == [0x1a, 0x00] && second.descriptorCount == 0)
        #expect(try SequencedPacketSocket.send([0x0a, 0x00], on: client))
        server.withdraw(uid: "a")
        #expect(try packet(client, loop).bytes == [0x12, 0x03, 0x12, 0x01, 0x61])
        #expect(log.events == [.proxyConnected, .enrolled(uid: "a")])
    }

    @Test func `a proxy that sends too much is let go, and so is one that leaves`() throws {
        let loop = try EventLoop()
        let log = Log()
        let server = try ZDSServer(loop: loop, path: path) { log.events.append($0) }
        let loud = try SequencedPacketSocket.connect(path: path)
        #expect(try SequencedPacketSocket.send([UInt8](repeating: 8, count: 1025), on: loud))
        #expect(throws: Errno.brokenPipe) { _ = try packet(loud, loop) }
        do { _ = try SequencedPacketSocket.connect(path: path) }
        for _ in 0..<50 where log.events.count < 2 { loop.turn(waitingAtMost: .milliseconds(10)) }
        #expect(
            log.events == [
                .proxyGone(reason: ZDSSession.Violation.tooLong.description),
                .proxyGone(reason: "connection closed by the node proxy"),
            ])
        server.withdraw(uid: "nobody")
    }

    @Test func `five proxies a second are let in`() throws {
        let loop = try EventLoop()
        let log = Log()
        let server = try ZDSServer(loop: loop, path: path) { log.events.append($0) }
        for _ in 0..<10 { _ = try SequencedPacketSocket.connect(path: path) }
        let start = MonotonicClock.now()
        while MonotonicClock.now() - start < .milliseconds(500) { loop.turn(waitingAtMost: .milliseconds(10)) }
        #expect((2...3).contains(log.events.count))
        server.withdraw(uid: "nobody")
    }

    private func addition(_ uid: String) -> AddWorkload {
        var add = AddWorkload()
        add.uid = uid
        add.workloadInfo = WorkloadInfo()
        return add
    }
}
