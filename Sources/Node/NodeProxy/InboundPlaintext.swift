import EventLoop
import Mesh
import Policy
import Primitives
import System
import Tunnel

/// One connection captured on 15006: plain TCP to the pod, which nobody has authenticated. Policies that ask for an
/// identity refuse it.
final class InboundPlaintext {
    private let pod: PodProxy
    private var record: ConnectionRecord
    private var context: PolicyContext?
    private var socket: OwnedDescriptor?
    private var relay: PlainRelay?
    private var failure: String?
    /// The same for the metrics, where it is neither in order nor `connect`.
    private var flag: ResponseFlag?

    static func accept(_ accepted: consuming AcceptedSocket, _ pod: PodProxy) {
        let peer = accepted.peer
        let socket = accepted.take()
        guard let destination = TCPSocket.originalDestination(of: socket) ?? TCPSocket.localEndpoint(of: socket) else {
            return
        }
        if let crowding = pod.enter(from: peer.address) {
            let record = ConnectionRecord(.inbound, from: peer, to: destination, at: pod.worker.loop.now)
            record.refuse(on: pod.worker, crowding.message)
            return TCPSocket.resetOnClose(socket)
        }
        let inbound = InboundPlaintext(pod, socket, from: peer, to: destination)
        pod.opened(inbound)
        pod.withWorkload { pod.withPolicies(for: $0) { inbound.decide(for: $0) } }
    }

    private init(
        _ pod: PodProxy, _ socket: consuming OwnedDescriptor, from peer: Endpoint, to destination: Endpoint
    ) {
        self.pod = pod
        self.socket = consume socket
        record = ConnectionRecord(.inbound, from: peer, to: destination, at: pod.worker.loop.now)
    }

    deinit { pod.worker.connectionSources.leave(record.source.address) }

    private func decide(for workload: Workload?) {
        guard socket != nil else { return }
        guard let workload, let state = pod.worker.state else {
            return refuse(pod.unknown("local"))
        }
        guard workload.addresses.contains(record.destination.address) else {
            return refuse("\(record.destination.address) is not an address of this pod")
        }
        let target: Admission.Target
        switch state.admitPlaintext(to: record.destination, for: workload) {
        case .refused(let refusal): return refuse("\(refusal)")
        case .admitted(let admitted): target = admitted
        }
        record.callee.workload = workload
        record.service = target.service
        record.caller.workload = state.workload(
            at: NetworkAddress(network: pod.worker.configuration.network, address: record.source.address))
        let context = PolicyContext(source: record.source.address, identity: nil, destination: target.destination)
        self.context = context
        record.countOpening(on: pod.worker)
        let decision = pod.policies(for: workload, in: state).decide(context)
        pod.worker.logDecision(decision, context)
        guard decision.isAllowed else {
            if decision.reason == .noneAllowed { record.allowPolicies = pod.allowPolicies(for: workload) }
            flag = .denied
            return finish("connection closed due to policy rejection: \(decision.reason)", nil)
        }
        connect(target.destination)
    }

    private func connect(_ destination: Endpoint) {
        let worker = pod.worker
        let isSelf = record.source.address == destination.address
        do throws(Errno) {
            let application = try worker.connectApplication(
                in: pod.namespace, to: destination,
                spoofing: pod.preservesSource && !isSelf ? record.source : nil)
            guard let socket = socket.take() else { return }
            relay = try PlainRelay(
                loop: worker.loop, buffers: worker.buffers, accepted: socket, dialled: application,
                owner: self, silence: worker.silence)
        } catch {
            finish("connection failed: \(error)", nil)
        }
    }

    /// Ends a connection before its parties are known.
    private func refuse(_ reason: String) {
        record.refuse(on: pod.worker, reason)
        close()
    }

    private func finish(_ error: String?, _ ending: RelayEnding?) {
        record.end(
            on: pod.worker, fromCaller: ending?.bytesFromSocket ?? 0, toCaller: ending?.bytesToSocket ?? 0,
            error: error, flag: flag)
        close()
    }

    private func close() {
        relay = nil
        if let socket = socket.take() { TCPSocket.resetOnClose(socket) }
        pod.closed(self)
    }
}

extension InboundPlaintext: PodConnection {
    func report(to metrics: inout WorkerMetrics) {
        metrics.openSockets[.destination, default: 0] &+= 1
        guard let relay else { return }
        record.series?.add(received: relay.bytesFromAccepted, sent: relay.bytesToAccepted)
    }

    func describe(in list: inout ConnectionList) {
        guard let context else { return }
        list.inbound.append(
            ConnectionSummary(
                source: record.source, originalDestination: nil, actualDestination: context.destination, kind: "TCP"))
    }

    func abort(_ reason: String) { abort(reason, ResponseFlag.none) }

    private func abort(_ reason: String, _ flag: ResponseFlag) {
        (failure, self.flag) = (reason, flag)
        if let relay { relay.abort(reason) } else { refuse(reason) }
    }

    func reevaluate(_ policies: CompiledPolicySet) {
        guard let context else { return }
        let decision = policies.decide(context)
        guard !decision.isAllowed else { return }
        abort("connection closed due to policy change: \(decision.reason)", .denied)
    }
}

extension InboundPlaintext: PlainRelayOwner {
    func relayConnected(_ relay: PlainRelay) { record.begin(on: pod.worker) }

    func relayEnded(_ relay: PlainRelay, _ ending: RelayEnding) {
        finish(failure ?? ending.cause.failure, ending)
    }
}
