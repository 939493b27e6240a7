import EventLoop
import Glibc
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

/// A pod on a worker whose clock the test moves.
private final class Setting {
    let clock = ManualClock(now: MonotonicClock.now())
    let loop: EventLoop
    private let sink: OwnedDescriptor
    private let worker: Worker
    let pod: PodProxy

    init() throws {
        loop = try EventLoop(clock: clock)
        sink = OwnedDescriptor(adopting: unsafe open("/dev/null", O_WRONLY | O_CLOEXEC))
        let lone = try LoneWorkers(on: [loop], loggingTo: sink.raw)
        (worker, pod) = (lone.workers[0], try lone.web(PodCensus(countMax: 1))[0])
    }

    /// The mesh comes to know the pod, which names these policies.
    func know(naming policies: [String] = []) {
        var state = MeshState(settings: MeshSettings(node: "n1"))
        state.insert(
            Workload(
                uid: "web", name: "web", namespace: "shop", serviceAccount: "web",
                addresses: [IPAddress(v4: 0x0a4d_0001)], node: "n1", tunnelProtocol: .hbone,
                authorizationPolicies: policies))
        if worker.pods.isEmpty { worker.add(pod) }
        worker.links[0].publish(state, since: loop.now)
        loop.turn(waitingAtMost: .seconds(1))
    }

    func pass(_ span: Duration) {
        clock.advance(by: span)
        loop.turn(waitingAtMost: .zero)
    }
}

struct PodProxyTests {
    @Test func `what has waited in vain for a workload's record leaves room for others`() throws {
        let setting = try Setting()
        let pod = setting.pod
        var refusedCount = 0
        for _ in 0...Limits.waitingConnectionCountMax { pod.withWorkload { if $0 == nil { refusedCount += 1 } } }
        #expect(refusedCount == 1, "one more than may wait")
        setting.pass(Limits.workloadWaitDuration + .milliseconds(2))
        #expect(refusedCount == 1 + Limits.waitingConnectionCountMax)
        var isServed = false
        pod.withWorkload { isServed = $0 != nil }
        setting.know()
        #expect(isServed)
        #expect(refusedCount == 1 + Limits.waitingConnectionCountMax)
    }

    @Test func `so many wait for policies that are named and not known, and only for a while`() throws {
        let setting = try Setting()
        setting.know(naming: ["shop/late"])
        var decidedCount = 0
        for _ in 0...Limits.waitingConnectionCountMax { setting.pod.withPolicies(for: nil) { _ in decidedCount += 1 } }
        #expect(decidedCount == 1, "one more than may wait")
        setting.pass(Limits.unknownPolicyDuration - .milliseconds(5))
        #expect(decidedCount == 1)
        setting.pass(.milliseconds(10))
        #expect(decidedCount == 1 + Limits.waitingConnectionCountMax)
        setting.pod.withPolicies(for: nil) { _ in decidedCount += 1 }
        #expect(decidedCount == 2 + Limits.waitingConnectionCountMax, "there is nothing more to wait for")
    }

    @Test func `who waits for policies is told of the workload as it is by then`() throws {
        let setting = try Setting()
        setting.know(naming: ["shop/late"])
        let (first, pod) = (setting.pod.workload, setting.pod)
        var told: [Workload?] = []
        pod.withWorkload { pod.withPolicies(for: $0) { told.append($0) } }
        #expect(told.isEmpty)
        setting.know(naming: ["shop/later"])
        #expect(told.isEmpty && pod.workload !== first)
        setting.pass(Limits.unknownPolicyDuration + .milliseconds(5))
        #expect(told.count == 1 && told[0] === pod.workload && told[0] != nil)
    }
}
