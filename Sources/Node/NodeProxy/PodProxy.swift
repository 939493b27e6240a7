import Certificates
import EventLoop
import Identity
import Mesh
import Policy
import Primitives
import System
import TLS
import Telemetry
import Tunnel
import Wire

/// Something open that ends when its pod, or the node, does.
protocol PodConnection: AnyObject {
    /// Ends at once; the other sides see a reset.
    func abort(_ reason: String)
    /// Decides again under the policies that apply now.
    func reevaluate(_ policies: CompiledPolicySet)
    /// Ends its tunnel, if it has one of its own, when these lists revoke the peer.
    func close(ifRevokedBy lists: RevocationLists)
    /// Adds what it holds open and has moved so far.
    func report(to metrics: inout WorkerMetrics)
    /// Adds itself where it joins two parties.
    func describe(in list: inout ConnectionList)
    /// It is among those of which a pod may have so many.
    var countsForPod: Bool { get }
}

extension PodConnection {
    func reevaluate(_ policies: CompiledPolicySet) {}
    func close(ifRevokedBy lists: RevocationLists) {}
    func describe(in list: inout ConnectionList) {}
    var countsForPod: Bool { true }
}

/// Why a connection is refused that would be one too many.
struct Crowding {
    let reason: String
    /// The log is told of the first only, until half have gone.
    let isFirst: Bool
    /// What the log is told.
    var message: String? { isFirst ? reason : nil }
}

/// A connection that waits for the workload's record.
private struct Waiter {
    let since: Instant
    let body: (Workload?) -> Void
}

/// One pod on one worker: its listeners' connections, the tunnels that it opened and those that it accepted.
final class PodProxy {
    unowned let worker: Worker
    let uid: String
    let name: WorkloadName
    let namespace: NetworkNamespace
    /// Let go of when no new connections are taken, though others of the pod live on: who connects thereafter is
    /// refused, or finds the listeners of the pod's next proxy.
    private var listeners: PodListeners?
    /// Whether connections to the application may carry their client's address.
    let preservesSource: Bool
    let pool: TunnelPool
    /// Shared with the pod's proxies on other workers.
    private let census: PodCensus
    /// Who is at its handshake on 15008.
    var strangers = SourceCensus(countMax: Limits.strangerCountPerSourceMax)
    /// Who answers the pod's questions for names; nil when that is off.
    private(set) var names: NameProxy?
    /// SOCKS clients that have not said yet where they want to go.
    var undirected = SourceCensus(countMax: Limits.socksHandshakeCountMax)
    private var acceptors: [Acceptor] = []
    private var connections: [ObjectIdentifier: any PodConnection] = [:]
    private var waiting: [Waiter] = []
    private var waitingTimer: TimerToken?
    /// In force for what is open.
    private var policies: CompiledPolicySet?
    /// Runs while they stay as they were, since the workload names one that is not known yet.
    private var policyTimer: TimerToken?
    /// Those who wait for the policies of a workload that had none in force before.
    private var waitingForPolicies: [(Workload?) -> Void] = []
    private var allowPolicies: [String]?
    /// A workload's description for its peers, for as long as its record is the same.
    private var described: (workload: Workload, field: HTTPField)?
    /// Who the workload was when the mesh last spoke of it.
    private var identity: SPIFFEID?
    /// Open connections that are still to be decided again, or to be ended for a reason.
    private var undecided: [(connection: any PodConnection, ending: String?)] = []
    private(set) var isStopped = false

    init(
        worker: Worker, uid: String, name: WorkloadName, namespace: NetworkNamespace, listeners: PodListeners,
        census: PodCensus
    ) {
        self.worker = worker
        self.uid = uid
        self.name = name
        self.namespace = namespace
        self.listeners = listeners
        self.census = census
        preservesSource = listeners.preservesSource
        pool = TunnelPool(
            loop: worker.loop, idleDuration: worker.configuration.idleTunnelDuration,
            streamCountMax: worker.configuration.tunnelStreamCountMax)
        pool.lost = { [unowned worker] key, tunnel, failure in
            worker.noteRevocation(failure, .source, tunnel.peerIdentity)
            worker.lost(key, failure)
        }
    }

    func start() {
        guard let listeners else { return }
        do throws(Errno) {
            if let listener = listeners.inboundTunnel {
                acceptors.append(try acceptor(listener) { [unowned self] in InboundTunnel.accept($0, self) })
            }
            if let listener = listeners.inboundPlaintext {
                acceptors.append(try acceptor(listener) { [unowned self] in InboundPlaintext.accept($0, self) })
            }
            if let listener = listeners.outbound {
                acceptors.append(try acceptor(listener) { [unowned self] in OutboundConnection.accept($0, self) })
            }
            for listener in listeners.socks {
                acceptors.append(try acceptor(listener) { [unowned self] in SOCKSConnection.accept($0, self) })
            }
            if !listeners.names.isEmpty { names = NameProxy(self, listeners.resolver) }
            try names?.start(on: listeners.names)
        } catch {
            worker.logger.log(.error, "inpod", "failed to watch the listeners of \(uid): \(error)")
        }
        if let state = worker.state { stateChanged(state) }
    }

    func acceptor(
        _ listener: ListeningSocket, _ accepted: @escaping (consuming AcceptedSocket) -> Void
    ) throws(Errno) -> Acceptor {
        try Acceptor(listener, on: worker.loop, accepted: accepted) { [unowned self] failure in
            worker.logger.log(.error, "proxy", "cannot accept connections: \(failure)", [.text("pod", uid)])
        }
    }

    /// Takes no new connections; streams and connections that are open may finish.
    func drain() {
        for acceptor in acceptors { acceptor.finish() }
        acceptors = []
        listeners = nil
        names?.drain()
        for connection in connections.values { (connection as? InboundTunnel)?.drain() }
    }

    /// Ends everything at once.
    func stop(_ reason: String) {
        guard !isStopped else { return }
        drain()
        isStopped = true
        names?.stop()
        for connection in Array(connections.values) { connection.abort(reason) }
        pool.abandon(reason)
        serveWaiting()
        endPolicyWait()
    }

    // MARK: The workload

    /// The workload's record in the mesh, if it has come.
    var workload: Workload? {
        worker.state?.localWorkload(
            name: name.name, namespace: name.namespace, serviceAccount: name.serviceAccount)
    }

    /// Why a connection is refused whose workload, the one in this role, did not come in time.
    func unknown(_ role: String) -> String {
        let cause = worker.state == nil ? ", as the control plane has not told the mesh yet" : ""
        return "unknown \(role) workload: \(name.namespace)/\(name.name)\(cause)"
    }

    /// Calls back with the workload's record as soon as it is known, or with nil when it does not come in time.
    func withWorkload(_ body: @escaping (Workload?) -> Void) {
        if let workload { return body(workload) }
        guard waiting.count < Limits.waitingConnectionCountMax, !isStopped else { return body(nil) }
        waiting.append(Waiter(since: worker.loop.now, body: body))
        if waiting.count == 1 { endLongWaits(after: Limits.workloadWaitDuration) }
    }

    private func endLongWaits(after span: Duration) {
        waitingTimer = worker.loop.after(span) { [weak self] in
            guard let self else { return }
            waitingTimer = nil
            let now = worker.loop.now
            let longest = waiting.prefix { now - $0.since >= Limits.workloadWaitDuration }
            waiting.removeFirst(longest.count)
            if let next = waiting.first { endLongWaits(after: Limits.workloadWaitDuration - (now - next.since)) }
            for waiter in longest { waiter.body(nil) }
        }
    }

    /// The workload's record has come, or it will not come any more.
    private func serveWaiting() {
        if let waitingTimer { worker.loop.cancel(waitingTimer) }
        waitingTimer = nil
        let waiters = waiting
        waiting = []
        for waiter in waiters { waiter.body(workload) }
    }

    /// A new version of the mesh: connections that waited go on. Where the pod's policies changed, or which of them
    /// apply to it, its open connections are decided again; where its workload went or has another identity they end.
    func stateChanged(_ state: MeshState) {
        let workload = workload
        if let identity, identity != workload?.identity {
            pool.drain()
            decideAgain(
                ending: workload == nil ? "the workload was removed from the mesh" : "the workload's identity changed")
            policies = nil
        }
        identity = workload?.identity
        guard let workload else { return endPolicyWait() }
        let current = state.policies(for: workload)
        if waits(for: current) {
            startPolicyWait()
        } else {
            apply(current)
            endPolicyWait()
        }
        serveWaiting()
    }

    /// Calls back when it can be decided who may reach the workload: at once, unless its first record came a moment
    /// before the policies that it names. Then it may have another record, or none, by the time.
    func withPolicies(for workload: Workload?, _ body: @escaping (Workload?) -> Void) {
        guard policyTimer != nil, policies == nil, waitingForPolicies.count < Limits.waitingConnectionCountMax
        else { return body(workload) }
        waitingForPolicies.append(body)
    }

    /// What decides about connections to the workload.
    func policies(for workload: Workload, in state: MeshState) -> CompiledPolicySet {
        if policyTimer != nil, let policies { return policies }
        return state.policies(for: workload)
    }

    /// Whether what was in force stays so for a moment: to refuse everybody until a policy comes that was only named
    /// would cut connections that it allows. Where nothing was in force, those who come wait for that moment.
    private func waits(for current: CompiledPolicySet) -> Bool {
        current.namesUnknown && !(policies?.namesUnknown ?? false) && !isStopped
    }

    private func startPolicyWait() {
        guard policyTimer == nil else { return }
        policyTimer = worker.loop.after(Limits.unknownPolicyDuration) { [weak self] in
            guard let self else { return }
            if let state = worker.state, let workload { apply(state.policies(for: workload)) }
            endPolicyWait()
        }
    }

    private func endPolicyWait() {
        if let policyTimer { worker.loop.cancel(policyTimer) }
        policyTimer = nil
        let waiters = waitingForPolicies
        waitingForPolicies = []
        for waiter in waiters { waiter(workload) }
    }

    private func apply(_ current: CompiledPolicySet) {
        defer { policies = current }
        allowPolicies = nil
        guard let previous = policies, !previous.isIdentical(to: current) else { return }
        decideAgain(ending: nil)
    }

    private func decideAgain(ending: String?) {
        let isUnderWay = !undecided.isEmpty
        undecided.removeAll { $0.ending == nil }
        undecided += connections.values.map { ($0, ending) }
        if !isUnderWay, !undecided.isEmpty { worker.loop.requestResume(self) }
    }

    /// Ends the tunnels whose peers these lists revoke.
    func close(ifRevokedBy lists: RevocationLists) {
        pool.close(ifRevokedBy: lists)
        for connection in Array(connections.values) { connection.close(ifRevokedBy: lists) }
    }

    /// The policies that allow somebody at this pod, for those whom none of them allows; found once for each version.
    func allowPolicies(for workload: Workload) -> [String] {
        if let allowPolicies { return allowPolicies }
        let keys =
            worker.state?.policies.allowing(
                namespace: workload.namespace, references: workload.authorizationPolicies,
                limit: Limits.explainedPolicyCountMax) ?? []
        allowPolicies = keys
        return keys
    }

    /// The workload's description for a peer's telemetry.
    func baggage(of workload: Workload) -> HTTPField {
        if let described, described.workload === workload { return described.field }
        let field = HTTPField("baggage", workload.baggage.encoded)
        described = (workload, field)
        return field
    }

    /// The CONNECT request for a client's connection.
    func request(_ authority: String, _ service: Service?, _ source: Workload, for client: Endpoint) -> [HTTPField] {
        let trace = TraceParent(random: Entropy.uint64(), Entropy.uint64(), Entropy.uint64())
        return [
            HTTPField(":method", "CONNECT"),
            HTTPField(":authority", authority),
            baggage(of: source),
            HTTPField("forwarded", bytes: Forwarded.encode(client: client, host: service?.hostname)),
            HTTPField("traceparent", bytes: trace.encoded),
        ]
    }

    // MARK: Connections

    var connectionCount: Int { connections.count }

    func opened(_ connection: any PodConnection) {
        let isNew = connections.updateValue(connection, forKey: ObjectIdentifier(connection)) == nil
        if isNew, connection.countsForPod { census.opened() }
    }

    func closed(_ connection: any PodConnection) {
        let isOver = connections.removeValue(forKey: ObjectIdentifier(connection)) != nil
        if isOver, connection.countsForPod { census.closed() }
    }

    /// Why one more connection of the pod would be one too many, if so.
    func crowding() -> Crowding? {
        guard case .refused(let isFirst) = census.verdict() else { return nil }
        return Crowding(reason: "too many connections of this pod at once", isFirst: isFirst)
    }

    /// The same for one that somebody else opens. If it is not, it has a place among those of its address, which
    /// `leave` gives back.
    func enter(from address: IPAddress) -> Crowding? {
        if let crowding = crowding() { return crowding }
        guard case .refused(let isFirst) = worker.connectionSources.enter(address) else { return nil }
        return Crowding(reason: "too many connections at once from \(address)", isFirst: isFirst)
    }

    /// Adds what is open and has been moved so far.
    func report(to metrics: inout WorkerMetrics) {
        for connection in connections.values { connection.report(to: &metrics) }
    }

    /// The connections that are open.
    var connectionList: ConnectionList {
        var list = ConnectionList()
        for connection in connections.values { connection.describe(in: &list) }
        return list
    }

    /// Gives back the room of connections that are over.
    func releaseMemory() {
        // A copy made by `filter` or of all pairs at once would keep the room.
        var remaining: [ObjectIdentifier: any PodConnection] = [:]
        remaining.reserveCapacity(connections.count)
        for (key, connection) in connections { remaining[key] = connection }
        connections = remaining
    }
}

extension PodProxy: ResumeHandler {
    /// Decides a share of the open connections again, so that a change holds up no connection's bytes.
    func resume() {
        for _ in 0..<Limits.reevaluationCountPerTurn {
            guard let (connection, ending) = undecided.popLast() else { return }
            // Those that have ended meanwhile have nothing left to decide.
            guard connections[ObjectIdentifier(connection)] != nil else { continue }
            if let ending {
                connection.abort("connection closed: \(ending)")
            } else if let policies {
                connection.reevaluate(policies)
            }
        }
        if !undecided.isEmpty { worker.loop.requestResume(self) }
    }
}

@available(*, unavailable) extension PodProxy: Sendable {}
