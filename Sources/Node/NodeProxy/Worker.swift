import Certificates
import EventLoop
import Identity
import Mesh
import Primitives
import Resolver
import Synchronization
import System
import TLS
import Telemetry
import Tunnel

/// How the rest of the node reaches a worker.
final class WorkerLink: Sendable {
    let mailbox: Mailbox
    /// The newest state that the worker has not taken yet, and since when one has been there.
    private let latest = Mutex<(state: MeshState, since: Instant)?>(nil)

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    /// Leaves a state that came `since` then for the worker; an older one that it has not seen is skipped.
    func publish(_ state: MeshState, since: Instant) {
        let previous = latest.withLock { slot in
            let previous = slot
            slot = (state, previous?.since ?? since)
            return previous
        }
        if previous == nil { perform { $0.adopt() } }
    }

    /// Runs `work` on the worker's thread.
    func perform(_ work: @escaping @Sendable (Worker) -> Void) {
        mailbox.post { loop in
            guard let worker = loop.resident as? Worker else { return }
            work(worker)
        }
    }

    func takeLatest() -> (state: MeshState, since: Instant)? {
        latest.withLock { slot in
            let taken = slot
            slot = nil
            return taken
        }
    }
}

/// A connection that waits for its certificate.
private struct CertificateWaiter {
    let since: Instant
    let completion: (Result<WorkloadCertificate, CertificateFailure>) -> Void
}

/// What workers ask of the control loop.
struct ControlLink: Sendable {
    /// Fetches a certificate and leaves it, or why there is none, with the worker that asked.
    var fetchCertificate: @Sendable (SPIFFEID, WorkerLink) -> Void
    /// Has resources asked for by name, and tells the worker that asked, under its number, when the state has them or
    /// they are not to be had; false says that nobody answered.
    var learn: @Sendable ([String], Int, WorkerLink) -> Void
    /// Takes back a state, so that the last release of a large one happens off the data path.
    var dispose: @Sendable (MeshState) -> Void
}

/// One event loop and everything that lives on it: the pods' listeners, their tunnels and connections. It is made and
/// used on its own thread only.
final class Worker {
    let loop: EventLoop
    let buffers: RelayBuffers
    let configuration: NodeConfiguration
    let logger: Logger
    let index: Int
    /// All workers, this one included: a tunnel lives with the worker that the hash of its key names.
    let links: [WorkerLink]
    private let control: ControlLink
    private(set) var state: MeshState?
    private(set) var pods: [String: PodProxy] = [:]
    private var departures: TimerToken?
    private var certificates: [SPIFFEID: WorkloadCertificate] = [:]
    private var awaitingCertificate: [SPIFFEID: [CertificateWaiter]] = [:]
    /// Who waits for resources that were asked for by name.
    private var learners: [Int: (Bool) -> Void] = [:]
    private var nextLearner = 0
    private var sourceWarning = RepeatedWarning()
    let home: NetworkNamespace
    /// Room for a datagram, for all of this worker's sockets.
    let datagrams = DatagramBuffer()
    /// Looks up destinations that have a name only, in the node's own network.
    let resolver: HostResolver
    /// How long connections may move nothing.
    var silence: SilenceBounds {
        SilenceBounds(open: configuration.silentDuration, halfClosed: configuration.halfClosedDuration)
    }
    /// Whose tunnels there are to 15008 on the whole node, those at their handshakes included.
    let tunnelSources: SharedSourceCensus
    /// What those of one source share on this worker.
    var sourceTurns = SourceTurns()
    /// Who opened the connections to its pods, streams of tunnels and plain ones.
    let connectionSources: SharedSourceCensus
    /// What has been counted.
    var traffic = TrafficTable()
    /// The same beside traffic and what is open.
    var counted = WorkerMetrics()

    init(
        loop: EventLoop, index: Int, links: [WorkerLink], control: ControlLink, configuration: NodeConfiguration,
        logger: Logger, home: NetworkNamespace, budget: NodeReceiveBudget, tunnelSources: SharedSourceCensus,
        connectionSources: SharedSourceCensus
    ) {
        self.loop = loop
        buffers = RelayBuffers(node: budget)
        self.tunnelSources = tunnelSources
        self.connectionSources = connectionSources
        self.index = index
        self.links = links
        self.control = control
        self.configuration = configuration
        self.logger = logger
        self.home = home
        resolver = HostResolver(
            loop: loop, servers: NameServers(configuration.resolverConfiguration, dial: Worker.dialNameServer),
            families: configuration.isIPv6Enabled ? [.v4, .v6] : [.v4], buffer: datagrams)
        loop.resident = self
    }

    // MARK: State

    func adopt() {
        guard let (next, since) = links[index].takeLatest() else { return }
        if let previous = state {
            if previous.departureCount != next.departureCount { leaveDeparted() }
            control.dispose(previous)
        }
        state = next
        for pod in pods.values { pod.stateChanged(next) }
        counted.adoptions.observe((MonotonicClock.now() - since).inSeconds)
    }

    /// Closes the tunnels to workloads that have left the mesh, soon: those who leave together are looked for once.
    private func leaveDeparted() {
        guard departures == nil else { return }
        departures = loop.after(Limits.departedTunnelDuration) { [weak self] in
            guard let self else { return }
            departures = nil
            for pod in pods.values { pod.pool.drain { self.state?.workload(uid: $0.workload) == nil } }
        }
    }

    /// Gives back scratch memory, and the room of what is over.
    func releaseMemory() {
        buffers.release()
        loop.releaseMemory()
        for pod in pods.values { pod.releaseMemory() }
        forgetOldTraffic()
        ProcessMemory.releaseThreadCache()
    }

    /// Lets go of who has had connections, and of counts of those who left long ago.
    func forgetOldTraffic() { traffic.releaseMemory(at: loop.now, state) }

    /// Everything counted so far.
    func takeMetrics() -> WorkerMetrics {
        var metrics = counted
        metrics.stalledStreams = buffers.cutStreamCount
        for pod in pods.values { pod.report(to: &metrics) }
        metrics.traffic = traffic.counts()
        traffic.forgetOld(at: loop.now, state)
        return metrics
    }

    /// Has resources asked for by name, where the control plane tells on demand. Calls back once the state has them or
    /// they are not to be had; false says that nobody answered in time.
    func learn(_ names: [String], _ completion: @escaping (Bool) -> Void) {
        guard learners.count < Limits.waitingConnectionCountMax else {
            loop.after(.zero) { completion(false) }
            return
        }
        learners[nextLearner] = completion
        control.learn(names, nextLearner, links[index])
        nextLearner += 1
    }

    func learned(_ number: Int, _ isAnswered: Bool) { learners.removeValue(forKey: number)?(isAnswered) }

    // MARK: Certificates

    /// Calls back with the identity's certificate, at once when it is here.
    func certificate(
        for identity: SPIFFEID, _ completion: @escaping (Result<WorkloadCertificate, CertificateFailure>) -> Void
    ) {
        if let certificate = certificates[identity], certificate.credentials.leaf.notAfter > WallClock.now() {
            return completion(.success(certificate))
        }
        guard awaitingCertificate[identity, default: []].count < Limits.waitingConnectionCountMax else {
            return completion(.failure(CertificateFailure("too many connections wait for this certificate")))
        }
        awaitingCertificate[identity, default: []].append(CertificateWaiter(since: loop.now, completion: completion))
        guard awaitingCertificate[identity]?.count == 1 else { return }
        control.fetchCertificate(identity, links[index])
        loop.after(Limits.workloadWaitDuration) { [weak self] in self?.endLongWaits(for: identity) }
    }

    /// Nobody waits for a certificate longer than for a workload's record.
    private func endLongWaits(for identity: SPIFFEID) {
        let waiters = awaitingCertificate.removeValue(forKey: identity) ?? []
        let longest = waiters.prefix { loop.now - $0.since >= Limits.workloadWaitDuration }
        let rest = Array(waiters.dropFirst(longest.count))
        if let next = rest.first {
            awaitingCertificate[identity] = rest
            loop.after(Limits.workloadWaitDuration - (loop.now - next.since)) { [weak self] in
                self?.endLongWaits(for: identity)
            }
        }
        for waiter in longest { waiter.completion(.failure(CertificateFailure("a certificate did not come in time"))) }
    }

    func received(_ result: Result<WorkloadCertificate, CertificateFailure>, for identity: SPIFFEID) {
        if case .success(let certificate) = result, (certificates[identity]?.generation ?? 0) < certificate.generation {
            certificates[identity] = certificate
        }
        for waiter in awaitingCertificate.removeValue(forKey: identity) ?? [] { waiter.completion(result) }
    }

    func forget(_ identity: SPIFFEID) { certificates[identity] = nil }

    // MARK: Pods

    /// Knows the pod, whose connections other workers may hand over from now on.
    func add(_ pod: PodProxy) { pods[pod.uid] = pod }

    /// Takes connections of the pod.
    func start(uid: String) { pods[uid]?.start() }

    func remove(uid: String) { pods.removeValue(forKey: uid)?.stop("the pod was removed") }

    /// Takes no new connections; those that are open may finish.
    func drain() { for pod in pods.values { pod.drain() } }

    /// Connections that are open.
    var connectionCount: Int { pods.values.reduce(0) { $0 + $1.connectionCount } }

    /// Ends everything.
    func stop(_ reason: String) {
        for pod in pods.values { pod.stop(reason) }
        pods = [:]
        loop.stop()
    }

    /// Makes a socket in a pod's network namespace to whoever is elsewhere.
    /// - Parameter isPlain: it ends at an application, which is not to take the end of this process for the end of what
    ///   it was told.
    func connect(
        in namespace: NetworkNamespace, to endpoint: Endpoint, isPlain: Bool = false
    ) throws(Errno) -> OwnedDescriptor {
        var options = TCPSocket.ConnectOptions()
        options.keepAlive = configuration.keepAlive
        options.resetsOnClose = isPlain
        return try connect(in: namespace, to: endpoint, options)
    }

    /// Makes a socket to an application of the pod, from the client's own address if the kernel permits it (ztunnel
    /// goes on without as well). Both ends live in one kernel, which forgets neither: no keep-alive.
    func connectApplication(
        in namespace: NetworkNamespace, to endpoint: Endpoint, spoofing client: Endpoint?
    ) throws(Errno) -> OwnedDescriptor {
        var options = TCPSocket.ConnectOptions()
        options.spoofedSource = client
        options.resetsOnClose = true
        return try connect(in: namespace, to: endpoint, options) { warn(of: client?.address, endpoint, $0) }
    }

    private func warn(of source: IPAddress?, _ destination: Endpoint, _ failure: Errno) {
        guard let silentCount = sourceWarning.take(at: loop.now) else { return }
        logger.log(
            .warn, "proxy", "cannot connect from the client's address: \(failure)",
            [
                .bare("src.addr", source.map { "\($0)" } ?? ""), .bare("dst.addr", destination),
                .bare("not_logged", silentCount),
            ])
    }

    private func connect(
        in namespace: NetworkNamespace, to endpoint: Endpoint, _ options: TCPSocket.ConnectOptions,
        sourceRefused: (Errno) -> Void = { _ in }
    ) throws(Errno) -> OwnedDescriptor {
        var options = options
        options.mark = configuration.packetMark
        let chosen = options
        return try namespace.perform(from: home) { () throws(Errno) -> OwnedDescriptor in
            try TCPSocket.connect(to: endpoint, options: chosen, sourceRefused: sourceRefused)
        }
    }

    /// The worker with which the tunnel of this key lives.
    func home(of key: TunnelKey) -> Int {
        Int(UInt(bitPattern: key.hashValue) % UInt(links.count))
    }
}

@available(*, unavailable) extension Worker: Sendable {}
