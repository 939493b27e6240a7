import EventLoop
import Glibc
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

struct PodProxyTests {
    @Test func `what has waited in vain for a workload's record leaves room for others`() throws {
        let clock = ManualClock(now: MonotonicClock.now())
        let loop = try EventLoop(clock: clock)
        let sink = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(sink) }
        let lone = try LoneWorkers(on: [loop], loggingTo: sink)
        let (worker, pod) = (lone.workers[0], try lone.web(PodCensus(countMax: 1))[0])
        var refusedCount = 0
        for _ in 0...Limits.waitingConnectionCountMax { pod.withWorkload { if $0 == nil { refusedCount += 1 } } }
        #expect(refusedCount == 1, "one more than may wait")
        clock.advance(by: Limits.workloadWaitDuration + .milliseconds(2))
        loop.turn(waitingAtMost: .zero)
        #expect(refusedCount == 1 + Limits.waitingConnectionCountMax)
        var isServed = false
        pod.withWorkload { isServed = $0 != nil }
        var state = MeshState(settings: MeshSettings(node: "n1"))
        state.insert(
            Workload(
                uid: "web", name: "web", namespace: "shop", serviceAccount: "web",
                addresses: [IPAddress(v4: 0x0a4d_0001)], node: "n1", tunnelProtocol: .hbone))
        worker.add(pod)
        worker.links[0].publish(state, since: loop.now)
        loop.turn(waitingAtMost: .seconds(1))
        #expect(isServed)
        #expect(refusedCount == 1 + Limits.waitingConnectionCountMax)
    }
}
