import HTTP2
import Identity
import Mesh
import Primitives
import System
import Tunnel
import Wire

/// The opening half of a node for one connection: routed by the mesh, carried by the pool, tried again as long as
/// nothing was read from the application.
final class OutboundConnection: TunnelStreamOwner {
    private static let attemptCountMax = 3

    private let conversation: Conversation
    private var pod: SimulatedPod { conversation.source }
    private var simulation: Simulation { conversation.simulation }
    private let random: UInt64
    private var failed: [String] = []
    private var attemptCount = 0
    private var stream: TunnelStream?
    private var isAnswered = false

    init(_ conversation: Conversation, random: UInt64) {
        self.conversation = conversation
        self.random = random
    }

    /// Sends the connection on its way.
    func route(_ socket: consuming OwnedDescriptor) {
        attemptCount += 1
        do {
            guard let hop = try findWay() else { return TCPSocket.resetOnClose(socket) }
            let stream = try TunnelStream(relaying: socket, loop: simulation.loop, owner: self)
            self.stream = stream
            simulation.watch(stream)
            carry(hop)
        } catch {
            simulation.note(error)
        }
    }

    /// What the mesh says, which must be what the model says.
    private func findWay() throws -> OutboundRoute.Tunnel? {
        let view = pod.node.view
        let candidates = view.candidates(for: conversation.asked).subtracting(failed)
        guard let source = view.state.workload(uid: pod.uid) else {
            conversation.excuse("the source is not known yet")
            return nil
        }
        let route = view.state.route(
            from: source, at: pod.address, to: conversation.asked, random: random, avoiding: failed)
        switch route {
        case .tunnel(let hop):
            if failed.contains(hop.workload.uid) { return nil }
            guard candidates.contains(hop.workload.uid), hop.expectedIdentities == [hop.workload.identity],
                hop.workload.addresses.contains(hop.nextHop.address)
            else { throw Violation("\(conversation) is sent to \(hop.workload.uid), not one of \(candidates)") }
            let owner = simulation.pod(at: hop.nextHop.address)
            let meaning = Conversation.Meaning(
                uid: hop.workload.uid, identities: hop.expectedIdentities, step: simulation.step,
                wasTrue: owner?.uid == hop.workload.uid)
            conversation.meanings.append(meaning)
            if owner?.uid != hop.workload.uid { conversation.excuse("the view is out of date") }
            return hop
        case .plain, .refused:
            guard candidates.isEmpty else { throw Violation("\(conversation) is not sent to one of \(candidates)") }
            conversation.excuse("no endpoint")
            return nil
        case .doubleTunnel, .resolve: throw Violation("\(conversation) is sent to another network")
        }
    }

    private func carry(_ hop: OutboundRoute.Tunnel) {
        let key = TunnelKey(
            source: pod.identity, expected: hop.expectedIdentities, destination: hop.nextHop, workload: hop.workload.uid
        )
        let dial: TunnelPool.Dial = { [simulation, pod] owner throws(TunnelFailure) in
            try simulation.dial(key, from: pod, owner)
        }
        pod.pool.tunnel(for: key, dial: dial) { [self] result in
            switch result {
            case .success(let tunnel): open(on: tunnel, key, hop)
            case .failure(let failure):
                simulation.judge(failure, key, conversation)
                stream?.abort("\(failure)")
            }
        }
    }

    private func open(on tunnel: TunnelConnection, _ key: TunnelKey, _ hop: OutboundRoute.Tunnel) {
        do {
            conversation.links.append(try simulation.judge(tunnel, for: key))
            // It may have ended while it waited.
            guard let stream else { return }
            try tunnel.open(
                stream,
                fields: [
                    HTTPField(":method", "CONNECT"), HTTPField(":authority", hop.authority.description),
                    HTTPField("x-conversation", "\(conversation.number) \(conversation.meanings.count - 1)"),
                ])
        } catch {
            simulation.note(error)
        }
    }

    func streamAnswered(_ stream: TunnelStream, status: Int, fields: [HTTPField]) {
        if status == 200 { isAnswered = true } else { conversation.excuse("status \(status)") }
    }

    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) {
        self.stream = nil
        conversation.endings.append("client \(ending)")
        guard !isAnswered, attemptCount < Self.attemptCountMax, pod.isAlive, let uid = conversation.meanings.last?.uid
        else {
            return
        }
        switch ending.cause {
        case .streamReset(.refusedStream), .tunnelLost, .http2Failed, .peerRevoked: break
        case .streamReset, .unanswered: failed.append(uid)
        case .completed, .socketFailed, .aborted: return
        }
        guard let socket = stream.reclaim() else { return }
        route(socket)
    }
}
