public import Certificates
import Discovery
public import EventLoop
public import Identity
public import Mesh
import Policy
import Primitives
public import System
import TLS
public import Telemetry
import Tunnel

/// The node proxy: its workers, and on the control loop everything slow. It hands the workers each version of the
/// mesh, each certificate and each pod.
public final class Node {
    private struct RunningPod: Sendable {
        let name: WorkloadName
        let namespace: NetworkNamespace
    }

    let loop: EventLoop
    let configuration: NodeConfiguration
    let logger: Logger
    private let home: NetworkNamespace
    private(set) var links: [WorkerLink] = []
    private var pods: [String: RunningPod] = [:]
    /// The workload that this process is, or is for; it runs in this process's own namespace.
    private var resident: RunningPod?
    /// Workloads whose proxies run.
    var runningNames: [WorkloadName] { (pods.values + [resident].compactMap { $0 }).map(\.name) }
    private(set) var certificates: CertificateStore?
    /// The service accounts for which there are to be certificates, and whom these name.
    var identities: [ServiceAccountName: SPIFFEID] = [:]
    var revocations: RevocationFollower?
    private(set) var state: MeshState?
    private var enrolment: EnrolmentClient?
    private var isShuttingDown = false
    var counted = ControlMetrics()
    /// The first state of the mesh is complete.
    private var isMeshKnown = false
    /// What is done once all workers have answered.
    private var gatherings: [Int: () -> Void] = [:]
    private var nextGathering = 0
    /// Who waits for the dump that is being written.
    private var dumpWaiters: [([UInt8]) -> Void] = []
    /// Has resources asked for by name, where the control plane tells on demand.
    var learn: ([String], @escaping (Bool) -> Void) -> Void = { $1(true) }
    /// Told when enrolment becomes ready, or no longer is.
    public var enrolmentChanged: (Bool) -> Void = { _ in }

    /// - Parameter loop: the control loop, which belongs to the calling thread.
    /// - Throws: when the kernel does not let this process do its work.
    public init(loop: EventLoop, configuration: NodeConfiguration, logger: Logger) throws(Errno) {
        self.loop = loop
        self.configuration = configuration
        self.logger = logger
        home = try NetworkNamespace.current()
        loop.resident = self
        guard configuration.dedicatedWorkload == nil else { return }
        // Both are needed for every pod; better to know now.
        try home.perform { () throws(Errno) in }
        var options = TCPSocket.ListenOptions()
        options.mark = configuration.packetMark
        _ = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0), options: options)
    }

    /// Starts the workers. `signer` is the certificate authority.
    public func start(signer: any CertificateSigner) throws(Errno) {
        let tls = startRevocations()
        let mailboxes = try WorkerThreads.start(configuration.workerCount)
        let links = mailboxes.map { WorkerLink(mailbox: $0) }
        self.links = links
        let mailbox = loop.mailbox
        let budget = NodeReceiveBudget()
        let tunnelSources = SharedSourceCensus(countMax: configuration.sourceTunnelCountMax)
        // Whoever fills a pod leaves half of it to others.
        let connectionSources = SharedSourceCensus(countMax: max(1, podConnectionCountMax / 2))
        let control = ControlLink(
            fetchCertificate: { identity, link in
                mailbox.post { ($0.resident as? Node)?.fetchCertificate(identity, for: link) }
            },
            learn: { names, number, link in
                mailbox.post { loop in
                    (loop.resident as? Node)?.learn(names) { isAnswered in
                        link.perform { $0.learned(number, isAnswered) }
                    }
                }
            },
            dispose: { state in mailbox.post { _ in withExtendedLifetime(state) {} } })
        for (index, mailbox) in mailboxes.enumerated() {
            mailbox.post { [configuration, logger, home] loop in
                _ = Worker(
                    loop: loop, index: index, links: links, control: control, configuration: configuration,
                    logger: logger, home: home, budget: budget, tunnelSources: tunnelSources,
                    connectionSources: connectionSources)
            }
        }
        certificates = CertificateStore(loop: loop, signer: signer, options: tls) { [weak self] in
            self?.certificateChanged($0)
        }
    }

    /// Takes connections before the mesh is known, of those pods that no other proxy serves: they wait for it, as long
    /// as for a workload's record, rather than be refused.
    public func takeEarlyConnections() {
        if let name = configuration.dedicatedWorkload {
            // Whatever forbids it now is said when the mesh is known.
            try? start(RunningPod(name: name, namespace: home), uid: "\(name)", .pod)
        } else {
            startEnrolment()
        }
    }

    /// Serves the pods that the interception agent enrols, or the one workload that this process is for. To be called
    /// once the mesh is known.
    /// - Throws: when this process's own listeners cannot be made.
    public func startPods() throws(Errno) {
        meshBecameKnown()
        guard !isShuttingDown else { return }
        let own =
            configuration.dedicatedWorkload ?? (configuration.carriesConnections ? configuration.ownWorkload : nil)
        let isDedicated = configuration.dedicatedWorkload != nil
        if let own, resident == nil {
            try start(RunningPod(name: own, namespace: home), uid: "\(own)", isDedicated ? .pod : .nodeProxy)
        }
        if isDedicated { return enrolmentReady(true) }
        startEnrolment().meshBecameKnown()
    }

    @discardableResult
    private func startEnrolment() -> EnrolmentClient {
        if let enrolment { return enrolment }
        let client = EnrolmentClient(
            loop: loop, path: configuration.enrolmentSocket, logger: logger, target: self)
        enrolment = client
        client.start()
        return client
    }

    /// Gives the workers the mesh, and from now on each version of it.
    func meshBecameKnown() {
        isMeshKnown = true
        if let state { tell(state) }
    }

    private func tell(_ state: MeshState) { for link in links { link.publish(state, since: loop.now) } }

    /// Takes a new version of the mesh. The workers get none before it is whole: part of it would let pass what a
    /// policy denies.
    /// - Parameter accounts: those whose workloads on this node have come, changed or gone; nil if that is not known.
    public func publish(_ state: MeshState, changing accounts: Set<ServiceAccountName>? = nil) {
        self.state = state
        if isMeshKnown { tell(state) }
        // Without a name of its own every workload of the mesh would be this node's.
        let concerned = configuration.nodeName == nil ? nil : accounts
        for account in concerned ?? Set(runningNames.map(\.account)) { attend(to: account) }
    }

    /// Gives back the memory that a quiet node does not need: the workers' first, and then what is free.
    func releaseMemory() {
        for link in links { link.perform { $0.releaseMemory() } }
        loop.after(Limits.memoryReleasePauseDuration) { ProcessMemory.release() }
    }

    /// Gives back what a busy node does not need: old counts, and then what is free.
    func releaseFreeMemory() {
        for link in links { link.perform { $0.forgetOldTraffic() } }
        loop.after(Limits.memoryReleasePauseDuration) { ProcessMemory.releaseFree() }
    }

    /// Calls back once every worker has had a turn.
    func whenWorkersAnswer(_ body: @escaping () -> Void) {
        gather({ _ in }) { _ in body() }
    }

    // MARK: End

    /// Takes nothing new, lets what is open finish until the deadline, then ends everything and the control loop.
    public func shutDown() {
        guard !isShuttingDown else { return }
        isShuttingDown = true
        logger.log(.info, "app", "shutdown, draining connections")
        enrolment?.stop()
        revocations?.stop(on: loop)
        for link in links { link.perform { $0.drain() } }
        awaitDrained(until: loop.now + configuration.terminationDeadline)
    }

    private func awaitDrained(until deadline: Instant) {
        gather({ $0.connectionCount }) { [weak self] counts in
            guard let self else { return }
            let connections = counts.reduce(0, +)
            if connections == 0 || loop.now >= deadline { return finish(connections) }
            loop.after(.milliseconds(25)) { [weak self] in self?.awaitDrained(until: deadline) }
        }
    }

    private func finish(_ connections: Int) {
        logger.log(
            .info, "app", connections == 0 ? "all connections finished" : "drain deadline passed",
            [.bare("connections_closed", connections)])
        gather({ $0.stop("connection closed due to connection drain") }) { [weak self] _ in self?.loop.stop() }
    }

    /// Asks every worker, and calls back on the control loop once all have answered.
    func gather<Answer: Sendable>(
        _ ask: @escaping @Sendable (Worker) -> Answer, _ done: @escaping ([Answer]) -> Void
    ) {
        let key = nextGathering
        nextGathering += 1
        let answers = Gathering<Answer>()
        gatherings[key] = { done(answers.all) }
        let (mailbox, count) = (loop.mailbox, links.count)
        for link in links {
            link.perform { worker in
                guard answers.add(ask(worker)) == count else { return }
                mailbox.post { ($0.resident as? Node)?.gathered(key) }
            }
        }
    }

    private func gathered(_ key: Int) { gatherings.removeValue(forKey: key)?() }
}

extension Node: EnrolmentTarget {
    var runningPods: Set<String> { Set(pods.keys) }

    func enrolmentReady(_ isReady: Bool) { enrolmentChanged(isReady && !isShuttingDown) }

    func startPod(
        uid: String, _ name: WorkloadName, _ namespace: NetworkNamespace, _ done: @escaping (PodStart) -> Void
    ) {
        if let running = pods[uid] {
            guard running.namespace.key != namespace.key else { return done(.started) }
            return stopPod(uid: uid) { [weak self] in self?.startPod(uid: uid, name, namespace, done) }
        }
        do throws(Errno) {
            try start(RunningPod(name: name, namespace: namespace), uid: uid, .pod)
        } catch {
            return done(!isMeshKnown && error == .addressInUse ? .served : .failed("\(error)"))
        }
        // The sockets listen already: what connects from now on waits in their queues.
        done(.started)
    }

    private func start(_ pod: RunningPod, uid: String, _ purpose: PodListeners.Purpose) throws(Errno) {
        let listeners = try PodListeners.bind(
            in: pod.namespace, from: home, configuration, for: purpose, isFirst: !isMeshKnown)
        if pod.namespace === home {
            resident = pod
        } else {
            pods[uid] = pod
            counted.startedPods &+= 1
        }
        let census = PodCensus(countMax: podConnectionCountMax)
        for link in links {
            link.perform { worker in
                worker.add(
                    PodProxy(
                        worker: worker, uid: uid, name: pod.name, namespace: pod.namespace, listeners: listeners,
                        census: census))
            }
        }
        // Only now, since a worker hands connections over to another, which must know the pod by then.
        for link in links { link.perform { $0.start(uid: uid) } }
        attend(to: pod.name.account)
        logger.log(
            .info, "inpod::statemanager", "pod enrolled",
            [.text("uid", uid), .text("workload", "\(pod.name.namespace)/\(pod.name.name)")])
    }

    /// A connection has up to two descriptors, so that no pod has more than half of those that there are. (The pipes of
    /// bulk have a bound of their own.)
    private var podConnectionCountMax: Int {
        configuration.podConnectionCountMax ?? max(1, Int(clamping: ResourceLimits.openFileCountMax / 4))
    }

    func stopPod(uid: String, _ done: @escaping () -> Void) {
        guard let pod = pods.removeValue(forKey: uid) else { return done() }
        counted.stoppedPods &+= 1
        attend(to: pod.name.account)
        gather({ $0.remove(uid: uid) }) { [weak self] _ in
            self?.logger.log(.info, "inpod::statemanager", "pod removed", [.text("uid", uid)])
            done()
        }
    }
}

extension Node {
    /// Calls back with the page of metrics.
    public func metrics(_ answer: @escaping ([UInt8]) -> Void) {
        gather({ $0.takeMetrics() }) { [weak self] workers in
            guard let self else { return }
            var metrics = NodeMetrics(control: counted, gauges: gauges, tag: configuration.istioVersion)
            for worker in workers { metrics.workers.merge(worker) }
            answer(metrics.page())
        }
    }

    /// Calls back with all that the node knows, as JSON. It is written on a thread of its own: a large mesh takes a
    /// second, and the control loop has other things to do.
    /// - Parameters: what readiness waits for, and whether there is a stream to the control plane.
    public func dump(pending: [String], isConnected: Bool, _ answer: @escaping ([UInt8]) -> Void) {
        dumpWaiters.append(answer)
        guard dumpWaiters.count == 1 else { return }
        gather({ $0.pods.mapValues(\.connectionList) }) { [weak self] lists in
            guard let self else { return }
            let dump = makeDump(pending, isConnected, lists)
            let mailbox = loop.mailbox
            let isStarted = Thread.start(named: "culvert-dump") {
                let json = dump.json()
                mailbox.post { ($0.resident as? Node)?.dumped(json) }
            }
            if !isStarted { dumped(dump.json()) }
        }
    }

    private func makeDump(_ pending: [String], _ isConnected: Bool, _ lists: [[String: ConnectionList]]) -> ConfigDump {
        var running = pods.map { ConfigDump.Pod(uid: $0, name: $1.name, isUp: true) }
        for index in running.indices {
            for list in lists { running[index].connections.merge(list[running[index].uid] ?? ConnectionList()) }
        }
        let waiting = (enrolment?.pendingPods ?? []).map { ConfigDump.Pod(uid: $0.uid, name: $0.name, isUp: false) }
        let gauges = gauges
        return ConfigDump(
            pending: pending, configuration: configuration,
            state: state ?? MeshState(settings: configuration.meshSettings),
            identities: (certificates?.states() ?? []).map { ConfigDump.Identity($0.identity.description, $0.state) },
            pods: running + waiting,
            progress: DiscoveryProgress(
                isFirstLoadComplete: gauges.isReady, isConnected: isConnected, messages: counted.messages.counts,
                messageBytes: counted.messageBytes.counts, workloads: gauges.workloads, services: gauges.services,
                policies: gauges.policies))
    }

    private func dumped(_ json: [UInt8]) {
        let waiters = dumpWaiters
        dumpWaiters = []
        for waiter in waiters { waiter(json) }
    }

    private var gauges: ControlGauges {
        var gauges = ControlGauges()
        gauges.activePods = pods.count
        gauges.pendingPods = enrolment?.pendingPods.count ?? 0
        gauges.workloads = state?.workloadCount ?? 0
        gauges.services = state?.serviceCount ?? 0
        gauges.policies = state?.policies.count ?? 0
        gauges.isReady = isMeshKnown
        for (_, state) in certificates?.states() ?? [] {
            guard case .available(let certificate) = state else { continue }
            gauges.certificates += 1
            let end = certificate.credentials.leaf.notAfter
            gauges.certificateEnd = gauges.certificateEnd.map { min($0, end) } ?? end
        }
        gauges.droppedLogLines = logger.droppedLineCount
        return gauges
    }

    /// A response of the control plane came.
    func discoveryReceived(_ typeURL: String, byteCount: Int) { counted.received(typeURL, byteCount: byteCount) }

    /// A stream to it ended, or none came about.
    func discoveryEnded(_ termination: DiscoveryTermination) { counted.ended(termination) }
}

@available(*, unavailable) extension Node: Sendable {}
