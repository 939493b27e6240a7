import Admin
import Certificates
import ControlPlane
public import Discovery
import EventLoop
import Identity
import LocalState
import Mesh
import Policy
import Primitives
public import RPC
import Schema
public import System
import Telemetry

/// The node proxy as a program: the node with its control plane, its readiness and its signals on the control loop.
public final class NodeService {
    private let loop: EventLoop
    private let configuration: NodeConfiguration
    private let logger: Logger
    private let node: Node
    private let signals: SignalFollower
    private var isShuttingDown = false
    private let readiness = Readiness()
    private var discovery: DiscoveryClient?
    private var local: LocalStateFollower?
    /// The state where there is no control plane.
    private var localStore: ResourceStore?
    private var firstLoad: FirstLoadReport?
    private let memory: MemoryKeeper
    /// Why it ended by itself.
    private var failure: Errno?
    /// What listens in the node's own network: readiness, metrics and the operator's pages.
    private var services: [HTTPService] = []

    /// To be made before any other thread is started.
    public init(configuration: NodeConfiguration) throws(Errno) {
        self.configuration = configuration
        ResourceLimits.raiseOpenFiles()
        loop = try EventLoop()
        signals = try SignalFollower([SignalQueue.terminate, SignalQueue.interrupt], loop: loop)
        logger = try Logger(format: configuration.logFormat, filter: configuration.logFilter)
        node = try Node(loop: loop, configuration: configuration, logger: logger)
        memory = MemoryKeeper(loop: loop) { [node] in
            switch $0 {
            case .all: node.releaseMemory()
            case .free: node.releaseFreeMemory()
            }
        }
        for task in [Task.state, Task.proxies] { readiness.expect(task) }
        node.enrolmentChanged = { [readiness] isReady in
            if isReady { readiness.complete(Task.proxies) } else { readiness.expect(Task.proxies) }
        }
    }

    /// What readiness waits for, in ztunnel's words.
    private enum Task {
        static let state = "state manager"
        static let proxies = "workload proxy manager"
    }

    /// Runs until a signal has ended it and open connections have had their time.
    /// - Throws: when it cannot begin: what the system refuses, or `ConfigurationError`.
    public func run() throws {
        signals.received = { [unowned self] in signalled($0) }
        try node.start(signer: signer())
        try listen()
        try startDiscovery()
        logger.log(
            .info, "app", "culvert-node started",
            [.text("node", configuration.nodeName ?? ""), .bare("workers", configuration.workerCount)])
        for remark in configuration.remarks { logger.log(.warn, "app", remark) }
        loop.run()
        signals.stop()
        logger.flush()
        if let failure { throw failure }
    }

    private func listen() throws(Errno) {
        let any = configuration.isIPv6Enabled ? IPAddress(v6High: 0, low: 0) : IPAddress(v4: 0)
        let probes = try HTTPService(on: Endpoint(any, port: Limits.readinessPort), loop: loop)
        // Answered once every worker has answered: it is their health that it speaks of.
        probes.serve(Readiness.path) { [node, readiness] request, answer in
            node.whenWorkersAnswer { answer(readiness.respond(to: request)) }
        }
        let admin = try HTTPService(
            on: Endpoint(IPAddress(v4: 0x7f00_0001), port: configuration.adminPort), loop: loop)
        let metrics = try HTTPService(on: Endpoint(any, port: configuration.statsPort), loop: loop)
        for path in ["/metrics", "/stats/prometheus"] {
            metrics.serve(path) { [node] request, answer in
                node.metrics { answer(MetricsFormat.respond(to: request, page: $0)) }
            }
        }
        var routes = AdminRoutes(logger: logger)
        routes.quit = { [unowned self] in shutDown() }
        routes.dump = { [unowned self] answer in
            node.dump(pending: readiness.pending, isConnected: discovery?.isConnected ?? false, answer)
        }
        routes.install(in: admin)
        services = [probes, metrics, admin]
    }

    /// The mesh is followed to the end: whom a policy comes to deny is cut also while connections have their time.
    private func shutDown() {
        isShuttingDown = true
        for service in services { service.stop() }
        services = []
        firstLoad?.stop()
        node.shutDown()
    }

    private func signer() -> any CertificateSigner {
        guard let access = configuration.certificateAuthority else { return NoCertificateAuthority() }
        return CertificateAuthorityClient(
            access, lifetime: configuration.secretTTL, namesIdentity: configuration.dedicatedWorkload == nil, loop: loop
        )
    }

    private func startDiscovery() throws {
        var store = ResourceStore(
            settings: configuration.meshSettings, node: configuration.discoveryNode,
            isOnDemand: configuration.isOnDemand && configuration.discovery != nil)
        try startLocalState(&store)
        guard let access = configuration.discovery else {
            readiness.complete(Task.state)
            node.publish(store.state)
            startPods()
            return memory.start()
        }
        let client = DiscoveryClient(
            access: access, store: store, loop: loop, delegate: self, random: SystemRandomNumberGenerator(),
            logger: logger)
        discovery = client
        node.takeEarlyConnections()
        node.learn = { [unowned client] in client.learn($0, $1) }
        client.start()
        firstLoad = FirstLoadReport(of: client, loop: loop, logger: logger)
    }

    /// Fills `store` with what the operator has written down, and follows that.
    private func startLocalState(_ store: inout ResourceStore) throws {
        guard let source = configuration.localState else { return }
        var first: [DeltaDiscoveryResponse]? = []
        let follower = LocalStateFollower(source, logger: logger) { [unowned self] responses in
            if first == nil { localChanged(responses) } else { first = responses }
        }
        do { try follower.start(on: loop) } catch {
            throw ConfigurationError(variable: source.variable, reason: "\(error)")
        }
        for response in first ?? [] {
            let complaints = store.applyLocal(response).complaints
            guard complaints.isEmpty else {
                throw ConfigurationError(variable: source.variable, reason: complaints.joined(separator: "; "))
            }
        }
        first = nil
        local = follower
        if configuration.discovery == nil { localStore = store }
    }

    private func localChanged(_ responses: [DeltaDiscoveryResponse]) {
        for response in responses {
            var complaints: [String] = []
            if let discovery {
                complaints = discovery.applyLocal(response)
            } else if let outcome = localStore?.applyLocal(response) {
                complaints = outcome.complaints
                node.publish(outcome.update.state, changing: outcome.update.changedAccounts)
            }
            for complaint in complaints {
                logger.log(.error, "state_manager::local", "local resource refused", [.text("error", complaint)])
            }
        }
    }

    /// The first signal ends it in order; a second one from the keyboard does not wait for that.
    private func signalled(_ signal: Int32) {
        if isShuttingDown, signal == SignalQueue.interrupt { return loop.stop() }
        shutDown()
    }
}

/// Stands where the operator has set no certificate authority: no identity can be proved, so nothing is tunnelled.
private final class NoCertificateAuthority: CertificateSigner {
    func sign(
        _ request: [UInt8], for identity: SPIFFEID,
        completion: @escaping (Result<[String], CertificateFailure>) -> Void
    ) {
        completion(.failure(CertificateFailure("no certificate authority is configured (CA_ADDRESS is empty)")))
    }
}

extension NodeService: DiscoveryDelegate {
    public func discoveryUpdated(_ update: DiscoveryUpdate) {
        node.publish(update.state, changing: update.changedAccounts)
    }

    public func discoveryReceived(typeURL: String, byteCount: Int) {
        node.discoveryReceived(typeURL, byteCount: byteCount)
        firstLoad?.received(byteCount: byteCount)
    }

    public func discoveryEnded(_ termination: DiscoveryTermination, _ status: RPCStatus) {
        node.discoveryEnded(termination)
    }

    /// The first state is whole.
    public func discoveryBecameReady() {
        readiness.complete(Task.state)
        firstLoad?.complete()
        firstLoad = nil
        startPods()
        memory.start()
    }

    private func startPods() {
        warnOfTrustDomain()
        do throws(Errno) { try node.startPods() } catch {
            // Nobody would be served: whoever started this process is to know.
            logger.log(.error, "app", "cannot listen for connections: \(error)")
            failure = error
            loop.stop()
        }
    }

    /// Who a workload is, is what the mesh says; `TRUST_DOMAIN` can only be right about this one.
    private func warnOfTrustDomain() {
        guard let domain = configuration.ownTrustDomain, let own = configuration.ownWorkload,
            let state = discovery?.state ?? localStore?.state,
            let identity = state.localWorkload(
                name: own.name, namespace: own.namespace, serviceAccount: own.serviceAccount)?.identity,
            identity.trustDomain != domain
        else { return }
        logger.log(
            .warn, "app", "TRUST_DOMAIN is not that of this workload in the mesh, which counts",
            [.text("identity", identity.description)])
    }
}

extension NodeConfiguration {
    /// How the node introduces itself to the control plane.
    var discoveryNode: Schema.Node {
        var fields: [String: Value] = [:]
        for (name, value) in metadata { fields[name] = Value(value) }
        fields.merge(structuredMetadata) { _, new in new }
        return NodeDescription.node(
            address: instanceIP ?? "", podName: podName, podNamespace: podNamespace, nodeName: nodeName ?? "",
            metadata: fields)
    }
}
