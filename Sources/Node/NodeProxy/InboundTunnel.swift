import Certificates
import EventLoop
import HTTP2
import Identity
import Mesh
import Primitives
import System
import TLS
import Tunnel

/// One connection to 15008: a peer that proves who it is and then opens streams.
final class InboundTunnel {
    let pod: PodProxy
    let peer: Endpoint
    /// Our end: the pod's address, and 15008.
    let local: Endpoint
    private var tunnel: TunnelConnection?
    /// What it shares with the other tunnels of its source, among which it is counted.
    private var source: SourceTurn?
    /// It is counted among those who have not shown who they are.
    private var isStranger = false
    private let accepted: Instant
    /// Who the peer is, once it has proven it.
    private(set) var identity: ShownIdentity?

    /// Takes a connection and answers its handshake as soon as the workload and its certificate are known.
    static func accept(_ socket: consuming AcceptedSocket, _ pod: PodProxy) {
        let peer = socket.peer
        let descriptor = socket.take()
        guard let local = TCPSocket.localEndpoint(of: descriptor) else { return }
        let inbound = InboundTunnel(pod, peer: peer, local: local)
        guard inbound.isAdmitted() else { return TCPSocket.resetOnClose(descriptor) }
        let held = HeldSocket(descriptor)
        pod.withWorkload { workload in
            guard let workload else { return inbound.refuse(pod.unknown("local")) }
            pod.worker.certificate(for: workload.identity) { result in
                switch result {
                case .success(let certificate): inbound.shake(held, certificate)
                case .failure(let reason): inbound.refuse("identity error: \(reason)")
                }
            }
        }
    }

    private init(_ pod: PodProxy, peer: Endpoint, local: Endpoint) {
        self.pod = pod
        self.peer = peer
        self.local = local
        accepted = pod.worker.loop.now
    }

    deinit {
        becomeKnown()
        guard source != nil else { return }
        pod.worker.tunnelSources.leave(peer.address)
        pod.worker.sourceTurns.leave(peer.address)
    }

    /// Whether there are not too many tunnels of its source, nor too many of its kind at their handshakes.
    private func isAdmitted() -> Bool {
        guard admits(pod.worker.tunnelSources.enter(peer.address), else: .tooManyTunnels, "tunnels") else {
            return false
        }
        source = pod.worker.sourceTurns.enter(peer.address)
        isStranger = admits(pod.strangers.enter(peer.address), else: .tooManyHandshakes, "handshakes")
        return isStranger
    }

    private func admits(_ verdict: SourceCensus.Verdict, else refusal: PeerRefusal, _ kind: String) -> Bool {
        guard case .refused(let isFirst) = verdict else { return true }
        pod.worker.counted.refusedPeers[refusal, default: 0] &+= 1
        if isFirst { refuse("too many \(kind) at once from \(peer.address)") }
        return false
    }

    private func becomeKnown() {
        guard isStranger else { return }
        isStranger = false
        pod.strangers.leave(peer.address)
    }

    private func shake(_ held: HeldSocket, _ certificate: WorkloadCertificate) {
        guard let socket = held.take(), !pod.isStopped else { return }
        let worker = pod.worker
        do {
            let tls = try TLSConnection(server: certificate.server)
            tunnel = try TunnelConnection(
                accepting: socket, tls: tls, settings: worker.configuration.tunnelSettings(.tunnelServer),
                expiredDuration: worker.configuration.expiredTunnelDuration, source: source,
                loop: worker.loop, buffers: worker.buffers, owner: self)
            pod.opened(self)
        } catch {
            refuse("\(error)")
        }
    }

    private func refuse(_ reason: String) {
        ConnectionRecord(.inbound, from: peer, to: local, at: accepted).refuse(on: pod.worker, reason)
    }

    /// Announces that it takes no further streams, and closes after the last.
    func drain() { tunnel?.drain() }
}

extension InboundTunnel: PodConnection {
    func report(to metrics: inout WorkerMetrics) { metrics.openSockets[.destination, default: 0] &+= 1 }

    /// Tunnels are counted by whom they come from.
    var countsForPod: Bool { false }

    func abort(_ reason: String) { tunnel?.abandon(reason) }

    func close(ifRevokedBy lists: RevocationLists) { tunnel?.close(ifRevokedBy: lists) }
}

extension InboundTunnel: TunnelOwner {
    func tunnelEstablished(_ tunnel: TunnelConnection) {
        becomeKnown()
        identity = tunnel.peerIdentity.map(ShownIdentity.init)
    }

    func tunnelRequested(_ tunnel: TunnelConnection, _ stream: TunnelStream, head: [HTTPField]) {
        InboundStream.accept(stream, head, self)
    }

    func tunnelClosed(_ tunnel: TunnelConnection, _ failure: TunnelFailure?) {
        self.tunnel = nil
        pod.closed(self)
        if let reason = PeerRefusal(failure) { pod.worker.counted.refusedPeers[reason, default: 0] &+= 1 }
        if let failure { pod.worker.noteRevocation(failure, .destination, tunnel.peerIdentity) }
        switch failure {
        case .handshake, .handshakeTimedOut, .http2: refuse(failure.map { "\($0)" } ?? "")
        case .none, .revoked, .expired, .connect, .connectTimedOut, .socket, .peerClosed, .keepAliveTimedOut,
            .abandoned:
            break
        }
    }
}

/// A socket that waits for a decision; closures cannot own one themselves.
final class HeldSocket {
    private var socket: OwnedDescriptor?
    init(_ socket: consuming OwnedDescriptor) { self.socket = consume socket }
    func take() -> OwnedDescriptor? { socket.take() }
}
