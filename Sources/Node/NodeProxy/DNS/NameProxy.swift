import EventLoop
import Mesh
import Primitives
import Resolver
import System
import Telemetry
import Wire

/// Answers one pod's questions for names on one worker: what the mesh knows at once, everything else as the name
/// servers do, byte for byte.
final class NameProxy {
    private unowned let pod: PodProxy
    private let servers: NameServers
    private let resolver: HostResolver
    private var sockets: [NameDatagrams] = []
    private var acceptors: [Acceptor] = []
    private var streams: [ObjectIdentifier: NameStream] = [:]
    private var exchanges: [ObjectIdentifier: DNSExchange] = [:]
    private var lastComplaint: Instant?
    private var isStopped = false

    init(_ pod: PodProxy, _ configuration: ResolverConfiguration) {
        self.pod = pod
        let (worker, namespace) = (pod.worker, pod.namespace)
        servers = NameServers(configuration) { [unowned worker] server, transport throws(Errno) in
            try worker.dialNameServer(server, transport, from: namespace)
        }
        resolver = HostResolver(
            loop: worker.loop, servers: servers, families: worker.configuration.isIPv6Enabled ? [.v4, .v6] : [.v4],
            buffer: worker.datagrams)
    }

    /// Watches the pod's sockets.
    func start(on listeners: [NameListener]) throws(Errno) {
        for listener in listeners {
            sockets.append(try NameDatagrams(listener.datagrams, pod.worker, self))
            acceptors.append(try pod.acceptor(listener.streams) { [unowned self] in accept($0) })
        }
    }

    /// Takes no more connections. Datagrams are answered to the end: to a pod a lost one is a delay of seconds.
    func drain() {
        for acceptor in acceptors { acceptor.finish() }
        acceptors = []
    }

    /// Ends everything; questions that are under way get no answer.
    func stop() {
        drain()
        isStopped = true
        for socket in sockets { socket.stop() }
        sockets = []
        for stream in streams.values { stream.close() }
        streams = [:]
        for exchange in exchanges.values { exchange.cancel() }
        exchanges = [:]
        resolver.stop()
    }

    private func accept(_ accepted: consuming AcceptedSocket) {
        let socket = accepted.take()
        guard streams.count < Limits.queryConnectionCountMax,
            let stream = try? NameStream(socket, pod.worker, self, ended: { [weak self] in self?.ended($0) })
        else { return complain("too many connections for names, one was refused") }
        streams[ObjectIdentifier(stream)] = stream
    }

    private func ended(_ stream: NameStream) { streams[ObjectIdentifier(stream)] = nil }

    // MARK: Questions

    /// Answers what a client sent. `reply` is called at most once, perhaps at once; it is not called for what deserves
    /// no answer.
    func receive(_ bytes: [UInt8], over transport: DNSQuery.Transport, _ reply: @escaping ([UInt8]?) -> Void) {
        switch DNSQuery.receive(bytes, over: transport) {
        case .ignored: reply(nil)
        case .answer(let answer): reply(answer)
        case .query(let query):
            pod.withWorkload { [weak self] workload in
                guard let self, !isStopped else { return reply(nil) }
                guard let workload, let state = pod.worker.state else {
                    return reply(query.response(.serverFailure))
                }
                guard let family = query.question.type.family, let name = query.question.name.hostname else {
                    return answer(query, of: workload, state, reply)
                }
                learn(name, family, for: workload, state) { [weak self] state in
                    guard let self, !isStopped, let state else { return reply(nil) }
                    answer(query, of: workload, state, reply)
                }
            }
        }
    }

    private func answer(
        _ query: DNSQuery, of workload: Workload, _ state: MeshState, _ reply: @escaping ([UInt8]?) -> Void
    ) {
        let labels = NameTraffic.Labels(query, of: workload)
        pod.worker.counted.names.asked(labels)
        if let family = query.question.type.family, let name = query.question.name.hostname,
            let answer = state.lookUp(name, family, for: workload, random: Entropy.uint64())
        {
            log(query, workload, "success", answer.addresses)
            let alias = answer.alias.flatMap { DNSName($0) }
            return reply(query.response(answer.addresses, alias: alias, timeToLive: Limits.serviceNameSeconds))
        }
        let started = pod.worker.loop.now
        pod.worker.counted.names.forwarded(labels)
        forward(query) { [weak self] result in
            self?.count(labels, since: started, result)
            switch result {
            case .success(let message):
                self?.log(query, workload, "forwarded", [])
                reply(query.response(forwarding: message))
            case .failure(let failure):
                self?.log(query, workload, "\(failure)", [])
                reply(query.response(.serverFailure))
            }
        }
    }

    private func count(
        _ labels: NameTraffic.Labels, since started: Instant, _ result: Result<DNSMessage, ResolutionFailure>
    ) {
        var hasFailed = false
        if case .failure = result { hasFailed = true }
        pod.worker.counted.names.answered(labels, after: pod.worker.loop.now - started, hasFailed: hasFailed)
    }

    /// Has asked for the services that a name may stand for, where the control plane tells on demand. Goes on, perhaps
    /// at once, with a state that knows them or is as good as it gets.
    private func learn(
        _ name: String, _ family: IPAddress.Family, for workload: Workload, _ state: MeshState,
        _ next: @escaping (MeshState?) -> Void
    ) {
        guard pod.worker.configuration.isOnDemand,
            state.lookUp(name, family, for: workload, random: 0) == nil
        else { return next(state) }
        let names = state.unknownNames(of: name, for: workload)
        guard !names.isEmpty else { return next(state) }
        pod.worker.learn(names) { [weak self] _ in next(self?.pod.worker.state) }
    }

    private func forward(
        _ query: DNSQuery, _ completion: @escaping (Result<DNSMessage, ResolutionFailure>) -> Void
    ) {
        guard exchanges.count < Limits.forwardedQueryCountMax else {
            complain("too many questions for names are under way")
            return completion(.failure(.overloaded))
        }
        var key: ObjectIdentifier?
        let exchange = DNSExchange(
            query.question, over: query.transport, to: servers, loop: pod.worker.loop, buffer: pod.worker.datagrams,
            query: query.forwarded
        ) { [weak self] result in
            if let key { self?.exchanges[key] = nil }
            completion(result)
        }
        key = ObjectIdentifier(exchange)
        exchanges[ObjectIdentifier(exchange)] = exchange
        exchange.start()
    }

    // MARK: Addresses

    /// Looks up where a SOCKS client wants to go, as the pod would by asking here: the addresses of `family` first.
    func resolve(_ hostname: String, _ family: IPAddress.Family, _ completion: @escaping ([IPAddress]) -> Void) {
        guard let name = DNSName(hostname)?.hostname else { return completion([]) }
        pod.withWorkload { [weak self] workload in
            guard let self, !isStopped, let workload, let state = pod.worker.state else { return completion([]) }
            learn(name, family, for: workload, state) { [weak self] state in
                guard let self, !isStopped, let state else { return completion([]) }
                resolve(name, family, for: workload, state, completion)
            }
        }
    }

    private func resolve(
        _ name: String, _ family: IPAddress.Family, for workload: Workload, _ state: MeshState,
        _ completion: @escaping ([IPAddress]) -> Void
    ) {
        let families: [IPAddress.Family] = family == .v4 ? [.v4, .v6] : [.v6, .v4]
        let answers = families.map { state.lookUp(name, $0, for: workload, random: Entropy.uint64()) }
        guard answers.contains(nil) else { return completion(answers.flatMap { $0?.addresses ?? [] }) }
        resolver.resolve(name) { result in
            let addresses = (try? result.get()) ?? []
            completion(families.flatMap { family in addresses.filter { $0.family == family }.shuffled() })
        }
    }

    // MARK: Log

    private func log(_ query: DNSQuery, _ workload: Workload, _ result: String, _ addresses: [IPAddress]) {
        pod.worker.logger.log(
            .debug, "dns", "lookup",
            [
                .text("src.workload", workload.name), .text("src.namespace", workload.namespace),
                .text("query", query.question.type.description), .text("domain", query.question.name.description),
                .text("result", result),
                .text("endpoints", addresses.prefix(8).map(\.description).joined(separator: ",")),
            ])
    }

    /// Warns the operator, once a second at most: whoever floods us does not flood the log.
    func complain(_ message: String) {
        let now = pod.worker.loop.now
        if let lastComplaint, now - lastComplaint < .seconds(1) { return }
        lastComplaint = now
        pod.worker.logger.log(.warn, "dns", message, [.text("pod", pod.uid)])
    }
}

extension DNSType {
    /// The family of the addresses that are asked for.
    fileprivate var family: IPAddress.Family? {
        switch self {
        case .a: .v4
        case .aaaa: .v6
        default: nil
        }
    }
}

@available(*, unavailable) extension NameProxy: Sendable {}
