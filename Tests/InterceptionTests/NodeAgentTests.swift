import Compiler
import EventLoop
import Interception
import Manifests
import Primitives
import System
import Telemetry
import Testing

/// Needs root.
@Suite struct NodeAgentTests {
    private let name = "cvt-\(Entropy.uint64() % 1_000_000_000)"

    private func desired(mode: String, path: String, account: String = "web") throws -> DesiredPods {
        var objects = ManifestSet()
        let text = """
            apiVersion: v1
            kind: Pod
            metadata: {name: web, labels: {istio.io/dataplane-mode: \(mode)}, annotations: {culvert.io/netns: \(path)}}
            spec: {nodeName: one, serviceAccountName: \(account)}
            """
        try objects.add(Array(text.utf8), file: "test.yaml")
        return DesiredPods(in: objects, node: "one", settings: MeshSettings(), capturesDNSByDefault: false)
    }

    private func ruleCount(_ options: String...) throws -> Int {
        let result = try ChildProcess.run(["ip", "netns", "exec", name, "iptables-save"] + options)
        return String(decoding: result.output, as: UTF8.self).split(separator: "\n").count { $0.contains("ISTIO_") }
    }

    @Test func `a pod is captured when it joins, released when it leaves, and left as it is when it is gone`() throws {
        try #require(try ChildProcess.run(["ip", "netns", "add", name]).status.isSuccess)
        defer { _ = try? ChildProcess.run(["ip", "netns", "del", name]) }
        _ = try ChildProcess.run(["ip", "-n", name, "link", "set", "lo", "up"])
        let path = "/run/netns/\(name)"
        let loop = try EventLoop()
        let log = try Logger(filter: LogFilter(level: nil, scopes: [:]))
        let agent = try NodeAgent(
            loop: loop, socketPath: "/tmp/\(name).sock", network: PodNetwork(families: [.v4]), log: log)
        try agent.apply(desired(mode: "ambient", path: path))
        let whole = try ruleCount()
        #expect(whole > 0)
        for isBackAtOnce in [true, false] {
            try agent.apply(desired(mode: "none", path: path))
            #expect(try ruleCount("-t", "nat") == 0)
            #expect(try ruleCount() > 0, "what was captured goes on until the proxy has ended it")
            if !isBackAtOnce {
                for _ in 0..<50 where try ruleCount() > 0 { loop.turn(waitingAtMost: .milliseconds(100)) }
                #expect(try ruleCount() == 0)
            }
            try agent.apply(desired(mode: "ambient", path: path))
            #expect(try ruleCount() == whole)
        }
        agent.apply(DesiredPods())
        #expect(try ruleCount() > 0, "a pod that may still run must not fall back to plaintext")
    }

    @Test func `a pod with another identity is taken back and enrolled anew`() throws {
        try #require(try ChildProcess.run(["ip", "netns", "add", name]).status.isSuccess)
        defer { _ = try? ChildProcess.run(["ip", "netns", "del", name]) }
        let loop = try EventLoop()
        let log = try Logger(filter: LogFilter(level: nil, scopes: [:]))
        let socket = "/tmp/\(name).sock"
        let agent = try NodeAgent(loop: loop, socketPath: socket, network: PodNetwork(families: []), log: log)
        try agent.apply(desired(mode: "ambient", path: "/run/netns/\(name)"))
        let client = try SequencedPacketSocket.connect(path: socket)
        #expect(try SequencedPacketSocket.send([0x08, 0x01], on: client))
        var kinds = [try answeredPacket(client, loop), try answeredPacket(client, loop)]
        try agent.apply(desired(mode: "ambient", path: "/run/netns/\(name)", account: "shop"))
        kinds += [try answeredPacket(client, loop), try answeredPacket(client, loop)]
        #expect(kinds == [0x0a, 0x1a, 0x12, 0x0a], "add, end of snapshot, del, add")
    }

    /// The first byte of the next packet, which is answered with consent.
    private func answeredPacket(_ client: borrowing OwnedDescriptor, _ loop: EventLoop) throws -> UInt8? {
        for _ in 0..<100 {
            loop.turn(waitingAtMost: .milliseconds(10))
            if case .packet(let packet) = try SequencedPacketSocket.receive(from: client, capacity: 1024) {
                #expect(try SequencedPacketSocket.send([0x0a, 0x00], on: client))
                return packet.bytes.first
            }
        }
        return nil
    }

    @Test func `a pod whose namespace is missing is asked to be kept, and told of nobody`() throws {
        let loop = try EventLoop()
        let log = try Logger(filter: LogFilter(level: nil, scopes: [:]))
        let socket = "/tmp/\(name).sock"
        let agent = try NodeAgent(loop: loop, socketPath: socket, network: PodNetwork(families: [.v4]), log: log)
        try agent.apply(desired(mode: "ambient", path: "/run/netns/\(name)-missing"))
        let client = try SequencedPacketSocket.connect(path: socket)
        #expect(try SequencedPacketSocket.send([0x08, 0x01], on: client))
        for _ in 0..<100 {
            loop.turn(waitingAtMost: .milliseconds(10))
            if case .packet(let packet) = try SequencedPacketSocket.receive(from: client, capacity: 1024) {
                #expect(packet.bytes.first == 0x2a, "the packet is a request to keep")
                return
            }
        }
        Issue.record("no packet came")
    }
}
