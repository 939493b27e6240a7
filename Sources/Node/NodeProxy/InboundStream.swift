import EventLoop
import HTTP2
import Identity
import Mesh
import Policy
import Primitives
import System
import Telemetry
import Tunnel
import Wire

/// One CONNECT stream that a peer opens to the pod: checked, authorised, joined with the application, and decided
/// again when policies change.
final class InboundStream {
    private let tunnel: InboundTunnel
    private let stream: TunnelStream
    private var record: ConnectionRecord
    /// The application's endpoint, once policies have allowed it.
    private var destination: Endpoint?
    private var prefix: [UInt8] = []
    /// Why it was refused or ended, when we did.
    private var failure: String?
    /// The same for the metrics, where it is neither in order nor `connect`.
    private var flag: ResponseFlag?

    private var pod: PodProxy { tunnel.pod }

    static func accept(_ stream: TunnelStream, _ head: [HTTPField], _ tunnel: InboundTunnel) {
        let pod = tunnel.pod
        if let crowding = pod.enter(from: tunnel.peer.address) {
            let record = ConnectionRecord(.inbound, from: tunnel.peer, to: tunnel.local, at: pod.worker.loop.now)
            record.refuse(on: pod.worker, crowding.message)
            return stream.refuse([HTTPField(":status", "503")])
        }
        let inbound = InboundStream(stream, tunnel)
        stream.adopt(by: inbound, silence: pod.worker.silence)
        pod.opened(inbound)
        pod.withPolicies(for: pod.workload) {
            if stream.awaitsDecision { inbound.decide(head, for: $0) }
        }
    }

    private init(_ stream: TunnelStream, _ tunnel: InboundTunnel) {
        self.stream = stream
        self.tunnel = tunnel
        record = ConnectionRecord(.inbound, from: tunnel.peer, to: tunnel.local, at: tunnel.pod.worker.loop.now)
        record.caller.proof = tunnel.identity.map { .shown($0) } ?? .none
    }

    deinit { pod.worker.connectionSources.leave(tunnel.peer.address) }

    private func decide(_ head: [HTTPField], for workload: Workload?) {
        let method = head.first(named: ":method")?.bytes ?? []
        guard method.elementsEqual("CONNECT".utf8) else {
            let got = method.isEmpty ? "nothing" : String(decoding: method, as: UTF8.self)
            return refuse(400, "expected CONNECT, got \(got)")
        }
        let bytes = head.first(named: ":authority")?.bytes ?? []
        let text = String(decoding: bytes, as: UTF8.self)
        record.authority = text
        let authority: Authority
        do {
            authority = try Authority(bytes: bytes)
        } catch {
            let reason = "invalid CONNECT address \"\(text)\": \(error)"
            // A request without any is one that asks for nothing that there is.
            return error == .malformed && !bytes.isEmpty ? stream.abort(reason, .protocolError) : refuse(400, reason)
        }
        guard let state = pod.worker.state, let workload else {
            return refuse(503, pod.unknown("local"))
        }
        record.callee = Party(workload: workload, proof: .workload)
        let network = pod.worker.configuration.network
        if let origin = head.text("x-forwarded-network"), origin.lowercased() != network.lowercased() {
            // By way of a gateway, whose address says nothing of the caller.
            record.caller.described = SelfDescription(fields: head)
        } else {
            record.caller.workload = state.workload(at: NetworkAddress(network: network, address: tunnel.peer.address))
        }
        let host = head.first(named: "forwarded").flatMap { Forwarded.host(in: $0.bytes) }
        switch state.admit(authority, at: tunnel.local.address, for: workload, forwardedHost: host) {
        case .refused(let refusal): refuse(refusal.status, "\(refusal)")
        case .admitted(let target): authorise(target, workload, pod.policies(for: workload, in: state))
        }
    }

    private func authorise(_ target: Admission.Target, _ workload: Workload, _ policies: CompiledPolicySet) {
        record.service = target.service
        destination = target.destination
        record.countOpening(on: pod.worker)
        let context = context(to: target.destination)
        let decision = policies.decide(context)
        pod.worker.logDecision(decision, context)
        guard decision.isAllowed else {
            if decision.reason == .noneAllowed { record.allowPolicies = pod.allowPolicies(for: workload) }
            flag = .denied
            return refuse(401, "connection closed due to policy rejection: \(decision.reason)")
        }
        connect(target)
    }

    private func context(to destination: Endpoint) -> PolicyContext {
        PolicyContext(source: tunnel.peer.address, identity: tunnel.identity?.identity, destination: destination)
    }

    private func connect(_ target: Admission.Target) {
        let worker = pod.worker
        var destination = target.destination
        var client: Endpoint?
        if let proxied = target.proxiedDestination {
            prefix = ProxyProtocol.header(
                source: tunnel.peer, destination: proxied, identity: tunnel.identity?.text)
        }
        if target.proxiedDestination != nil, worker.configuration.reachesApplicationTunnelsOnLoopback {
            let isIPv4 = destination.address.family == .v4
            destination = Endpoint(
                isIPv4 ? IPAddress(v4: 0x7f00_0001) : IPAddress(v6High: 0, low: 1), port: destination.port)
        } else if pod.preservesSource, tunnel.peer.address != tunnel.local.address {
            client = tunnel.peer
        }
        do throws(Errno) {
            try stream.connect(worker.connectApplication(in: pod.namespace, to: destination, spoofing: client))
        } catch {
            refuse(503, "connection failed: \(error)")
        }
    }

    private func refuse(_ status: Int, _ reason: String) {
        failure = reason
        stream.refuse([HTTPField(":status", String(status))])
    }
}

extension InboundStream: PodConnection {
    func report(to metrics: inout WorkerMetrics) {
        record.series?.add(received: stream.bytesToSocket, sent: stream.bytesFromSocket)
    }

    func describe(in list: inout ConnectionList) {
        guard let destination else { return }
        list.inbound.append(
            ConnectionSummary(
                source: tunnel.peer, originalDestination: record.service?.hostname, actualDestination: destination,
                kind: "HBONE"))
    }

    func abort(_ reason: String) { abort(reason, ResponseFlag.none) }

    private func abort(_ reason: String, _ flag: ResponseFlag) {
        (failure, self.flag) = (reason, flag)
        stream.abort(reason)
    }

    func reevaluate(_ policies: CompiledPolicySet) {
        guard let destination else { return }
        let decision = policies.decide(context(to: destination))
        guard !decision.isAllowed else { return }
        abort("connection closed due to policy change: \(decision.reason)", .denied)
    }
}

extension InboundStream: TunnelStreamOwner {
    func streamConnected(_ stream: TunnelStream) {
        record.begin(on: pod.worker)
        stream.accept(answer, prefix: prefix)
        prefix = []
    }

    private var answer: [HTTPField] {
        let status = HTTPField(":status", "200")
        guard pod.worker.configuration.sendsResponseBaggage, let workload = record.callee.workload else {
            return [status]
        }
        return [status, pod.baggage(of: workload)]
    }

    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) {
        let error = failure ?? ending.cause.failure
        if record.series == nil {
            record.refuse(on: pod.worker, error ?? "the stream ended")
        } else {
            record.end(
                on: pod.worker, fromCaller: ending.bytesToSocket, toCaller: ending.bytesFromSocket, error: error,
                flag: flag ?? ending.cause.flag)
        }
        pod.closed(self)
    }
}

extension Worker {
    /// Tells what policies said, at the level the operator chose.
    func logDecision(_ decision: PolicyDecision, _ context: PolicyContext) {
        logger.log(
            configuration.logsPolicyDecisions ? .info : .debug, "state",
            "\(decision.isAllowed ? "RBAC allowed" : "RBAC rejected"): \(decision.reason)",
            [
                .bare("src.addr", context.source), .text("src.identity", context.identity?.description ?? ""),
                .bare("dst.addr", context.destination),
            ] + (decision.dryRun.map { [.text("dry_run", "\($0)")] } ?? []))
    }
}

extension [HTTPField] {
    /// The first value of a field as text.
    func text(_ name: String) -> String? {
        first(named: name).map { String(decoding: $0.bytes, as: UTF8.self) }
    }
}
