import ControlPlane
import Discovery
import EventLoop
import Mesh
import Primitives
import RPC
import Schema
import System

/// A discovery client of the peer, on a loop of the test's thread.
final class DiscoverySubject: DiscoveryDelegate {
    let loop: EventLoop
    let client: DiscoveryClient
    private(set) var updates: [DiscoveryUpdate] = []
    private(set) var readyCount = 0
    private(set) var terminations: [DiscoveryTermination] = []
    private(set) var statuses: [RPCStatus] = []
    private let box = DelegateBox()

    /// - Parameter change: adds to how the peer is reached.
    init(
        of istiod: Istiod, host: String? = nil, onDemand: Bool = false,
        _ change: (inout ControlPlaneAccess) -> Void = { _ in }
    ) throws {
        loop = try EventLoop()
        let target: RPCTarget =
            host.map { .host($0, port: istiod.port) } ?? .endpoint(Endpoint(istiod.address, port: istiod.port))
        var access = ControlPlaneAccess(target: target, trust: .file("\(istiod.folder)/root.pem"))
        access.token = .file("\(istiod.folder)/token")
        access.headers = [("x-extra", "from-the-environment")]
        // What is waited for in days or minutes is waited for in less.
        access.timing.handshake = .milliseconds(400)
        access.timing.keepAliveInterval = .milliseconds(1500)
        access.timing.keepAliveTimeout = .milliseconds(500)
        change(&access)
        let node = NodeDescription.node(
            address: "10.0.0.2", podName: "ztunnel-abcde", podNamespace: "istio-system", nodeName: "n1",
            metadata: ["ISTIO_VERSION": Value("tests")])
        client = DiscoveryClient(
            access: access, store: ResourceStore(settings: MeshSettings(node: "n1"), node: node, isOnDemand: onDemand),
            loop: loop,
            delegate: box, random: EntropyGenerator())
        box.target = self
        client.start()
    }

    deinit { client.stop() }

    var state: MeshState { client.state }

    /// Turns the loop until the condition holds or the time is over; whether it holds.
    @discardableResult
    func turn(atMost limit: Duration = .seconds(15), until condition: () -> Bool) -> Bool {
        let deadline = MonotonicClock.now() + limit
        while !condition() {
            guard MonotonicClock.now() < deadline else { return false }
            loop.turn(waitingAtMost: .milliseconds(5))
        }
        return true
    }

    func turn(for span: Duration) { turn(atMost: span) { false } }

    func discoveryUpdated(_ update: DiscoveryUpdate) { updates.append(update) }
    func discoveryBecameReady() { readyCount += 1 }
    func discoveryEnded(_ termination: DiscoveryTermination, _ status: RPCStatus) {
        terminations.append(termination)
        statuses.append(status)
    }
}

/// The client's delegate exists before the client does.
private final class DelegateBox: DiscoveryDelegate {
    weak var target: DiscoverySubject?
    func discoveryUpdated(_ update: DiscoveryUpdate) { target?.discoveryUpdated(update) }
    func discoveryBecameReady() { target?.discoveryBecameReady() }
    func discoveryEnded(_ termination: DiscoveryTermination, _ status: RPCStatus) {
        target?.discoveryEnded(termination, status)
    }
}
