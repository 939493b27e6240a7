import Mesh
import Primitives
import System
import Tunnel

/// Connections to whoever is not in the mesh.
extension OutboundConnection {
    func dial(_ plain: OutboundRoute.Plain) {
        record.destination = plain.destination
        record.callee = Party(workload: plain.workload)
        (record.caller.proof, record.authority, record.service) = (.none, nil, plain.service)
        let worker = pod.worker
        do throws(Errno) {
            let upstream = try worker.connect(in: pod.namespace, to: plain.destination, isPlain: true)
            guard let socket = socket.take() else { return }
            relay = try PlainRelay(
                loop: worker.loop, buffers: worker.buffers, accepted: socket, dialled: upstream, owner: self,
                silence: worker.silence)
        } catch {
            plainFailed(error, "connection failed: \(error)") { socket.take() }
        }
    }

    /// Only a service has other endpoints.
    private func plainFailed(_ failure: Errno, _ reason: String?, _ reclaim: () -> OwnedDescriptor?) {
        let isRetryable = record.service != nil && failure != .connectionReset
        if retry(after: isRetryable ? .endpoint : nil, reason, reclaim) { return }
        client?.note(failure)
        let socket = reclaim()
        finish(reason, sent: 0, received: 0)
        if let socket { turnAway(socket) }
    }
}

extension OutboundConnection: PlainRelayOwner {
    func relayConnected(_ relay: PlainRelay) {
        switch standing() {
        case .unchanged:
            isConnected = true
            begin()
        case .changed:
            setback = .tunnel
            relay.abort("the workload has come to be called another way while it was dialled")
        case .anothers: relay.abort("the address has become another workload's while it was dialled")
        }
    }

    func relayApplicationEnded(_ relay: PlainRelay) { applicationEnded(leaving: relay.hasUnreadBytes) }

    func relayEnded(_ relay: PlainRelay, _ ending: RelayEnding) {
        let reason = ending.cause.failure
        if !isConnected {
            if case .socketFailed(let failure) = ending.cause {
                return plainFailed(failure, reason) { relay.reclaim() }
            }
            if retry(after: setback, reason, { relay.reclaim() }) { return }
        }
        let socket = relay.reclaim()
        finish(reason, sent: ending.bytesFromSocket, received: ending.bytesToSocket)
        if let socket { turnAway(socket) }
    }
}

/// What a destination is once it has answered: until then its address may have gone to another workload, which is to
/// get nothing in plaintext.
private enum Standing {
    case unchanged
    /// It is to be called another way, or another of its service is.
    case changed
    /// Whom the application meant is not there any more.
    case anothers
}

extension OutboundConnection {
    private func standing() -> Standing {
        let destination = record.destination
        guard let workload = pod.workload, let state = pod.worker.state else { return .anothers }
        guard let callee = record.callee.workload else {
            let route = state.route(from: workload, at: record.source.address, to: destination, random: 0)
            if case .plain = route { return .unchanged }
            return .anothers
        }
        // Where a name leads is its own affair.
        guard callee.addresses.contains(destination.address) else { return .unchanged }
        if let current = state.workload(uid: callee.uid), current.addresses.contains(destination.address) {
            return current.tunnelProtocol == callee.tunnelProtocol ? .unchanged : .changed
        }
        let address = NetworkAddress(network: pod.worker.configuration.network, address: destination.address)
        if state.workload(at: address) == nil { return .unchanged }
        return record.service == nil ? .anothers : .changed
    }
}
