import System
import Testing

@Suite struct SequencedPacketSocketTests {
    private let path = "/tmp/culvert-seq-\(Entropy.uint64()).sock"

    @Test func `packets stay apart and a namespace travels beside one`() throws {
        let listener = try SequencedPacketSocket.listen(path: path)
        let client = try SequencedPacketSocket.connect(path: path)
        guard let server = try SequencedPacketSocket.accept(listener) else {
            Issue.record("nobody to accept")
            return
        }
        #expect(try SequencedPacketSocket.accept(listener) == nil)
        let home = try NetworkNamespace.current()
        #expect(try SequencedPacketSocket.send([1, 2], on: server))
        #expect(try SequencedPacketSocket.send([3], namespace: home, on: server))

        #expect(try bytes(SequencedPacketSocket.receive(from: client, capacity: 8)) == [1, 2])
        guard case .packet(var packet) = try SequencedPacketSocket.receive(from: client, capacity: 8) else {
            Issue.record("no second packet")
            return
        }
        #expect(packet.bytes == [3] && packet.descriptorCount == 1 && !packet.isTruncated)
        if let descriptor = packet.descriptor.take() {
            #expect(try NetworkNamespace(adopting: descriptor).key == home.key)
        } else {
            Issue.record("no descriptor")
        }
    }

    @Test func `nothing, an end and too much are told apart`() throws {
        let listener = try SequencedPacketSocket.listen(path: path)
        let client = try SequencedPacketSocket.connect(path: path)
        if case .wouldBlock = try SequencedPacketSocket.receive(from: client, capacity: 8) {} else { Issue.record() }
        do {
            guard let server = try SequencedPacketSocket.accept(listener) else {
                Issue.record("nobody to accept")
                return
            }
            #expect(try SequencedPacketSocket.send([UInt8](repeating: 7, count: 9), on: server))
            if case .packet(let packet) = try SequencedPacketSocket.receive(from: client, capacity: 8) {
                #expect(packet.isTruncated && packet.bytes.count == 8)
            } else {
                Issue.record("no packet")
            }
        }
        if case .endOfStream = try SequencedPacketSocket.receive(from: client, capacity: 8) {} else { Issue.record() }
    }

    @Test func `a peer that does not read makes sending wait, not fail`() throws {
        let listener = try SequencedPacketSocket.listen(path: path)
        let client = try SequencedPacketSocket.connect(path: path)
        var sent = 0
        let packet = [UInt8](repeating: 0, count: 512)
        while sent < 100_000, try SequencedPacketSocket.send(packet, on: client) { sent += 1 }
        #expect(sent > 0 && sent < 100_000)
        _ = listener.raw
    }

    @Test func `a stale file is replaced, a path too long refused`() throws {
        do { _ = try SequencedPacketSocket.listen(path: path) }
        #expect(throws: Errno.connectionRefused) { _ = try SequencedPacketSocket.connect(path: path) }
        let listener = try SequencedPacketSocket.listen(path: path)
        _ = try SequencedPacketSocket.connect(path: path)
        _ = listener.raw
        #expect(throws: Errno.self) {
            _ = try SequencedPacketSocket.listen(path: String(repeating: "x", count: 200))
        }
    }

    private func bytes(_ arrival: consuming SequencedPacketSocket.Arrival) -> [UInt8]? {
        switch consume arrival {
        case .packet(let packet): packet.bytes
        case .endOfStream: nil
        case .wouldBlock: nil
        }
    }
}
