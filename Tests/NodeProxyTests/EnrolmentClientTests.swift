import EventLoop
import Interception
import Primitives
import Schema
import System
import Telemetry
import Testing

@testable import NodeProxy

/// The node's side of enrolment, against the agent's server.
@Suite struct EnrolmentClientTests {
    private final class Target: EnrolmentTarget {
        var answer = PodStart.served
        var runningPods: Set<String> = []
        var askedCount = 0

        func startPod(
            uid: String, _ name: WorkloadName, _ namespace: NetworkNamespace, _ done: @escaping (PodStart) -> Void
        ) {
            askedCount += 1
            if answer == .started { runningPods.insert(uid) }
            done(answer)
        }

        func stopPod(uid: String, _ done: @escaping () -> Void) { done() }
        func enrolmentReady(_ isReady: Bool) {}
    }

    @Test func `where another proxy serves the pods the agent is left to it until the mesh is known`() throws {
        let loop = try EventLoop()
        let path = "/dev/shm/culvert-enrolment-\(Entropy.uint64())"
        defer { try? FileSystem.remove(path) }
        var events: [EnrolmentEvent] = []
        let server = try ZDSServer(loop: loop, path: path) { events.append($0) }
        var info = WorkloadInfo()
        (info.name, info.namespace, info.serviceAccount) = ("web", "shop", "web")
        server.enrol(EnrolledPod(uid: "uid", info: info), namespace: try .current())
        let target = Target()
        let client = EnrolmentClient(loop: loop, path: path, logger: try Logger(), target: target)
        let turn = { (count: Int) in for _ in 0..<count { loop.turn(waitingAtMost: .milliseconds(10)) } }
        client.start()
        turn(60)
        // Connected once, and gone again without an answer.
        #expect(target.askedCount == 1)
        #expect(events.count == 2 && events.first == .proxyConnected)
        target.answer = .started
        client.meshBecameKnown()
        turn(60)
        #expect(target.askedCount == 2)
        #expect(events.last == .enrolled(uid: "uid"))
        client.stop()
    }
}
