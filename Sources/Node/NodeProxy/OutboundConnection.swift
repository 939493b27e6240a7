import Certificates
import EventLoop
import HTTP2
import Identity
import Mesh
import Primitives
import Resolver
import System
import TLS
import Telemetry
import Tunnel
import Wire

/// One connection that an application of the pod opens, from its capture on 15001 to its end.
final class OutboundConnection {
    let pod: PodProxy
    var record: ConnectionRecord
    /// Where the application wanted to go.
    let asked: Endpoint
    private let random: UInt64
    /// The address of a destination that has a name only.
    private var resolution: HostResolution?
    private var attempts: ConnectAttempts
    private var inquiry = Inquiry()
    /// The gateway's uid, where it was the gateway that could not be reached.
    private var blamed: String?
    /// What went wrong with this attempt, as far as we know better than its stream.
    var setback: ConnectAttempts.Setback?
    /// The captured socket, until a relay takes it over.
    var socket: OwnedDescriptor?
    var stream: TunnelStream?
    var relay: PlainRelay?
    /// The way to a workload of another network.
    private var inner: InnerTunnel?
    /// Looks whether the application is still there, once it has sent FIN before there is a connection.
    private var departure: DepartureWatch?
    /// The plain connection was made.
    var isConnected = false
    /// Why it failed before there was a relay.
    private var failure: String?
    /// A SOCKS client that waits for its answer.
    var client: SOCKSClient?
    /// The same for the metrics, where it is neither in order nor `connect`.
    private var flag: ResponseFlag?

    /// Takes a captured connection and sends it on its way.
    static func accept(_ accepted: consuming AcceptedSocket, _ pod: PodProxy) {
        let peer = accepted.peer
        let socket = accepted.take()
        let destination = TCPSocket.originalDestination(of: socket) ?? TCPSocket.localEndpoint(of: socket)
        if let destination { begin(socket, from: peer, to: destination, pod) }
    }

    /// Sends a connection on its way whose destination is known.
    static func begin(
        _ socket: consuming OwnedDescriptor, from peer: Endpoint, to destination: Endpoint, _ pod: PodProxy,
        answering client: SOCKSClient? = nil
    ) {
        let now = pod.worker.loop.now
        if let crowding = pod.crowding() {
            ConnectionRecord(.outbound, from: peer, to: destination, at: now).refuse(on: pod.worker, crowding.message)
            return TCPSocket.resetOnClose(socket)
        }
        OutboundConnection(pod, socket, from: peer, to: destination, client, random: Entropy.uint64()).start()
    }

    private func start() {
        pod.opened(self)
        pod.withWorkload { [self] in route(from: $0) }
    }

    private init(
        _ pod: PodProxy, _ socket: consuming OwnedDescriptor, from peer: Endpoint, to destination: Endpoint,
        _ client: SOCKSClient?, random: UInt64, attempts: ConnectAttempts = ConnectAttempts()
    ) {
        self.pod = pod
        self.socket = consume socket
        asked = destination
        self.client = client
        self.random = random
        self.attempts = attempts
        record = ConnectionRecord(.outbound, from: peer, to: destination, at: pod.worker.loop.now)
    }

    private func route(from source: Workload?) {
        guard socket != nil else { return }
        guard let source, let state = pod.worker.state else {
            return refuse(pod.unknown("source"))
        }
        record.caller.workload = source
        let isAsking = inquiry.begin(state, from: source, to: asked.address, on: pod.worker) { [self] failure in
            guard socket != nil else { return }
            if let failure { unresolved(failure) } else { self.route(from: pod.workload) }
        }
        if isAsking { return }
        let route = state.route(
            from: source, at: record.source.address, to: asked, random: random, resolution: resolution,
            avoiding: attempts.failed)
        switch route {
        case .tunnel(let hop) where attempts.failed.contains(hop.workload.uid): giveUp()
        // What was meant for a workload goes in plaintext to nobody else who has its address.
        case .plain(let plain)
        where plain.workload.map { attempts.failed.contains($0.uid) } ?? attempts.hasFailed: giveUp()
        case .doubleTunnel(let remote)
        where attempts.failed.contains(remote.workload.uid) || attempts.failed.contains(remote.outer.workload.uid):
            giveUp()
        case .refused where !attempts.failed.isEmpty: giveUp()
        case .tunnel(let hop): open(hop, from: source)
        case .plain(let plain): dial(plain)
        case .refused(let refusal): refuse("\(refusal)")
        case .doubleTunnel(let remote): open(remote.outer, within: remote, from: source)
        case .resolve(let hostname): resolve(hostname)
        }
    }

    /// Looks up a destination that has a name only, and finds the way again.
    private func resolve(_ hostname: String) {
        if let source = record.caller.workload {
            pod.worker.counted.hostnames.add(MetricLabels(lookupOf: hostname, by: source))
        }
        pod.worker.resolver.resolve(hostname) { [self] result in
            guard socket != nil else { return }
            switch result {
            case .failure(let failure): unresolved("lookup of \(hostname) failed: \(failure)")
            case .success(let addresses):
                resolution = HostResolution(
                    hostname, choosing: addresses, preferring: asked.address.family, random: random)
                guard resolution != nil else { return unresolved("lookup of \(hostname) found no address") }
                route(from: pod.workload)
            }
        }
    }

    private func unresolved(_ reason: String) {
        if attempts.hasFailed { giveUp() } else { refuse(reason) }
    }

    /// Ends a connection whose way was never found.
    private func refuse(_ reason: String) {
        guard let socket = socket.take() else { return }
        record.destination = asked
        record.refuse(on: pod.worker, reason)
        pod.closed(self)
        turnAway(socket)
    }

    // MARK: Further attempts

    /// Tries another endpoint, or another tunnel, if the attempt failed before anything was read from the application.
    func retry(
        after setback: ConnectAttempts.Setback?, _ reason: String?, _ reclaim: () -> OwnedDescriptor?
    ) -> Bool {
        guard let setback, !pod.isStopped, let workload = record.callee.workload,
            attempts.note(setback, at: blamed ?? workload.uid, reason, flag), let socket = reclaim()
        else { return false }
        pod.worker.logger.log(
            .debug, "proxy", "attempt failed, trying again",
            [
                .bare("src.addr", record.source), .bare("dst.addr", record.destination),
                .text("dst.workload", workload.name), .text("error", reason ?? ""),
            ])
        self.socket = consume socket
        inner?.cancel("another attempt is made")
        (stream, relay, inner, failure, self.setback, blamed, flag) = (nil, nil, nil, nil, nil, nil, nil)
        route(from: pod.workload)
        return true
    }

    /// There is no other endpoint: the connection fails as the last attempt did.
    private func giveUp() {
        flag = attempts.flag
        finish(attempts.reason, sent: 0, received: 0)
        if let socket = socket.take() { turnAway(socket) }
    }

    // MARK: Tunnel

    /// By one hop, or by that and another one within it.
    private func open(
        _ hop: OutboundRoute.Tunnel, within remote: OutboundRoute.DoubleTunnel? = nil, from source: Workload
    ) {
        let key = TunnelKey(
            source: source.identity, expected: hop.expectedIdentities, destination: hop.nextHop,
            workload: hop.workload.uid)
        let worker = pod.worker
        let home = worker.home(of: key)
        guard home == worker.index else { return handOver(to: home) }
        record.destination = hop.nextHop
        let authority = hop.authority.description
        record.authority = authority
        record.service = hop.service
        record.caller.proof = .workload
        // A gateway's identity is not that of whom it leads to, which the inner handshake shows.
        record.callee = Party(workload: remote?.workload ?? hop.workload, proof: remote == nil ? .workload : .none)
        guard let socket = socket.take() else { return }
        do throws(Errno) {
            stream = try TunnelStream(relaying: socket, loop: worker.loop, owner: self, silence: worker.silence)
        } catch {
            return finish("connection failed: \(error)", sent: 0, received: 0)
        }
        worker.certificate(for: source.identity) { [self] result in
            switch result {
            case .success(let certificate):
                let fields = pod.request(authority, hop.service, source, for: record.source)
                if let remote { return tunnelWithin(key, certificate, remote, fields) }
                tunnel(key, certificate) { [self] result in
                    switch result {
                    case .failure(let failure):
                        failed(failure.isAbandonment ? .tunnel : .endpoint, "\(failure)", failure.flag)
                    case .success(let tunnel): openStream(on: tunnel, fields)
                    }
                }
            case .failure(let reason): failed(nil, "identity error: \(reason)", .identity)
            }
        }
    }

    /// Leaves the connection with the worker on which its tunnel lives; that one takes the same decisions.
    private func handOver(to home: Int) {
        guard let socket = socket.take() else { return }
        stopWatching()
        pod.closed(self)
        let (uid, peer, destination, client) = (pod.uid, record.source, asked, client)
        let (random, attempts) = (random, attempts)
        let (resolution, raw) = (resolution, socket.release())
        pod.worker.links[home].perform { worker in
            let socket = OwnedDescriptor(adopting: raw)
            guard let pod = worker.pods[uid] else { return TCPSocket.resetOnClose(socket) }
            let connection = OutboundConnection(
                pod, socket, from: peer, to: destination, client, random: random, attempts: attempts)
            connection.resolution = resolution
            connection.start()
        }
    }

    private func tunnel(
        _ key: TunnelKey, _ certificate: WorkloadCertificate, _ completion: @escaping TunnelPool.Completion
    ) {
        guard stream != nil else { return }
        let dial: TunnelPool.Dial = { [pod] owner throws(TunnelFailure) in
            try pod.dialTunnel(key, certificate, owner)
        }
        pod.pool.tunnel(for: key, dial: dial, completion: completion)
    }

    private func tunnelWithin(
        _ key: TunnelKey, _ certificate: WorkloadCertificate, _ remote: OutboundRoute.DoubleTunnel,
        _ fields: [HTTPField]
    ) {
        guard stream != nil else { return }
        let network = HTTPField("x-forwarded-network", pod.worker.configuration.network)
        do {
            let tls = try TLSConnection(client: certificate.client, expecting: remote.expectedIdentities)
            let inner = try InnerTunnel(worker: pod.worker, tls: tls) { [self] result in
                switch result {
                case .failure(let failure):
                    if failure.isGateway { blamed = remote.outer.workload.uid }
                    failed(failure.setback, failure.reason, failure.flag)
                case .success(let tunnel):
                    record.callee.proof = tunnel.peerIdentity.map { .shown(ShownIdentity($0)) } ?? .none
                    openStream(on: tunnel, fields + [network])
                }
            }
            self.inner = inner
            tunnel(key, certificate) { inner.open(on: $0, fields: fields) }
        } catch {
            failed(nil, "connection failed: \(error)")
        }
    }

    private func openStream(on tunnel: TunnelConnection, _ fields: [HTTPField]) {
        guard let stream else { return }
        do {
            try tunnel.open(stream, fields: fields)
        } catch {
            failed(.tunnel, "the tunnel takes no more streams: \(error)")
        }
    }

    /// The attempt failed before there was a stream.
    private func failed(_ setback: ConnectAttempts.Setback?, _ reason: String, _ flag: ResponseFlag = .connect) {
        (self.setback, self.flag) = (setback, flag)
        stream?.abort(reason)
    }

    /// Before there is a connection the application has sent FIN. Bytes before it are to be delivered in any case.
    func applicationEnded(leaving hasBytes: Bool) {
        guard departure == nil, !hasBytes else { return }
        let client = record.source
        // On its loopback address it has called as SOCKS client.
        let dialled = client.address.isLoopback ? Endpoint(client.address, port: ProxyPort.socks5) : asked
        departure = DepartureWatch(pod, from: client, to: dialled) { [weak self] in
            self?.stream?.giveUp()
            self?.relay?.giveUp()
        }
    }

    /// There is a connection.
    func begin() {
        stopWatching()
        record.begin(on: pod.worker)
        if client != nil { greet() }
    }

    private func stopWatching() {
        departure?.stop()
        departure = nil
    }

    func finish(_ error: String?, sent: UInt64, received: UInt64) {
        record.end(on: pod.worker, fromCaller: sent, toCaller: received, error: error, flag: error == nil ? nil : flag)
        inner?.cancel("the connection ended")
        stopWatching()
        (stream, relay, inner) = (nil, nil, nil)
        pod.closed(self)
    }
}

extension OutboundConnection: PodConnection {
    func report(to metrics: inout WorkerMetrics) {
        metrics.openSockets[.source, default: 0] &+= 1
        let fromCaller = stream?.bytesFromSocket ?? relay?.bytesFromAccepted ?? 0
        record.series?.add(received: fromCaller, sent: stream?.bytesToSocket ?? relay?.bytesToAccepted ?? 0)
    }

    func describe(in list: inout ConnectionList) {
        let kind = inner != nil ? "DOUBLEHBONE" : record.isTunnelled ? "HBONE" : "TCP"
        list.outbound.append(
            ConnectionSummary(
                source: record.source, originalDestination: asked.description, actualDestination: record.destination,
                kind: kind))
    }

    func close(ifRevokedBy lists: RevocationLists) { inner?.close(ifRevokedBy: lists) }

    func abort(_ reason: String) {
        flag = ResponseFlag.none  // Nobody's fault: the pod or the node goes.
        if let stream {
            stream.abort(reason)
        } else if let relay {
            relay.abort(reason)
        } else {
            refuse(reason)
        }
    }
}

extension OutboundConnection: TunnelStreamOwner {
    func streamAnswered(_ stream: TunnelStream, status: Int, fields: [HTTPField]) {
        guard status == 200 else {
            failure = status == 401 ? "http status 401: denied by a policy of the destination" : "http status \(status)"
            if status == 503 { setback = .endpoint }
            client?.note(status)
            return
        }
        if inner != nil { record.callee.described = SelfDescription(fields: fields) }
        begin()
    }

    func streamApplicationEnded(_ stream: TunnelStream) { applicationEnded(leaving: stream.hasUnreadBytes) }

    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) {
        let reason = failure ?? ending.cause.failure
        flag = flag ?? ending.cause.flag
        if retry(after: setback ?? ending.cause.setback, reason, { stream.reclaim() }) { return }
        let socket = stream.reclaim()
        finish(reason, sent: ending.bytesFromSocket, received: ending.bytesToSocket)
        if let socket { turnAway(socket) }
    }
}
