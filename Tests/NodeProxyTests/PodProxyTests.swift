import EventLoop
import Glibc
import Mesh
import Primitives
import System
import Telemetry
import Testing
import Tunnel

@testable import NodeProxy

struct PodProxyTests {
    @Test func `what has waited in vain for a workload's record leaves room for others`() throws {
        let clock = ManualClock(now: MonotonicClock.now())
        let loop = try EventLoop(clock: clock)
        let home = try NetworkNamespace.current()
        var configuration = NodeConfiguration()
        (configuration.carriesConnections, configuration.answersNames) = (false, false)
        configuration.reusesPorts = false
        let sink = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(sink) }
        let worker = Worker(
            loop: loop, index: 0, links: [WorkerLink(mailbox: loop.mailbox)],
            control: ControlLink(
                fetchCertificate: { _, _ in }, learn: { _, _, _ in }, dispose: { _ in }),
            configuration: configuration, logger: try Logger(filter: .standard, descriptor: sink), home: home,
            budget: NodeReceiveBudget(), tunnelSources: SharedSourceCensus(countMax: 1),
            connectionSources: SharedSourceCensus(countMax: 1))
        let pod = PodProxy(
            worker: worker, uid: "web", name: WorkloadName(name: "web", namespace: "shop", serviceAccount: "web"),
            namespace: home, listeners: try PodListeners.bind(in: home, from: home, configuration),
            census: PodCensus(countMax: 1))
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
