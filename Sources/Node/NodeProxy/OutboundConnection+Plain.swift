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
        guard pod.isPlain(record.destination, of: record.callee.workload, from: record.source.address) else {
            return relay.abort("the address has become another workload's while it was dialled")
        }
        isConnected = true
        begin()
    }

    func relayApplicationEnded(_ relay: PlainRelay) { applicationEnded(leaving: relay.hasUnreadBytes) }

    func relayEnded(_ relay: PlainRelay, _ ending: RelayEnding) {
        if !isConnected, case .socketFailed(let failure) = ending.cause {
            return plainFailed(failure, ending.cause.failure) { relay.reclaim() }
        }
        finish(ending.cause.failure, sent: ending.bytesFromSocket, received: ending.bytesToSocket)
    }
}
