import EventLoop
import HTTP2
import Identity
import Mesh
import Policy
import Primitives
import System
import TLS
import Tunnel
import Wire

/// A pod with an application, and its node's proxy for it: the accepting half of the node.
final class SimulatedPod {
    static let accounts = [("shop", "web"), ("shop", "cart"), ("vault", "keeper")].map { namespace, account in
        SPIFFEID(trustDomain: "cluster.local", namespace: namespace, serviceAccount: account)
    }

    unowned let simulation: Simulation
    let node: SimulatedNode
    let uid: String
    let identity: SPIFFEID
    let address: IPAddress
    let bornStep: Int
    let pool: TunnelPool
    private(set) var isAlive = true
    private(set) var tunnels: [TunnelConnection] = []
    private var streams: [ObjectIdentifier: InboundStream] = [:]
    /// Where its application listens; nil while it does not.
    private var listener: Listener?
    /// Conversations by the port from which the application is dialled.
    private var expected: [UInt16: (Conversation, attempt: Int)] = [:]
    /// Requests that are answered later.
    var holdsAnswers = false { didSet { if !holdsAnswers { answerHeld() } } }
    private var held: [InboundStream] = []

    init(
        _ simulation: Simulation, _ node: SimulatedNode, uid: String, identity: SPIFFEID, address: IPAddress
    ) throws {
        self.simulation = simulation
        self.node = node
        self.uid = uid
        self.identity = identity
        self.address = address
        bornStep = simulation.step
        pool = TunnelPool(loop: simulation.loop, streamCountMax: simulation.chance.one(of: 100, 2, 5))
        try listen()
    }

    /// The application listens; or does not, and refuses.
    func listen() throws { listener = try Listener() }
    func stopListening() { listener = nil }

    /// The pod ends, as when its node is told to remove it.
    func stop() {
        isAlive = false
        for conversation in simulation.conversations where conversation.source === self {
            conversation.excuse("source removed")
        }
        for stream in Array(streams.values) { stream.abort("the pod was removed") }
        for tunnel in tunnels { tunnel.abandon("the pod was removed") }
        pool.abandon("the pod was removed")
        held = []
        stopListening()
    }

    // MARK: Tunnels

    func accept(_ socket: consuming OwnedDescriptor) throws {
        let tls = try TLSConnection(server: simulation.credentials(of: identity).server)
        var settings = HTTP2Settings.tunnelServer
        settings.streamCountMax = node.acceptedStreamCountMax
        let tunnel = try TunnelConnection(
            accepting: socket, tls: tls, settings: settings, loop: simulation.loop, buffers: node.buffers, owner: self)
        tunnels.append(tunnel)
        simulation.watch(tunnel)
    }

    /// Takes what was dialled in the application's name.
    func acceptApplications() throws {
        while let listener, let accepted = try TCPSocket.accept(listener.socket) {
            let port = accepted.peer.port
            guard let (conversation, attempt) = expected.removeValue(forKey: port) else {
                throw Violation("\(self): a connection from port \(port), which nobody has dialled")
            }
            try conversation.taken(by: self, attempt: attempt)
            simulation.began(conversation, accepted.take())
        }
    }

    /// Decides on open streams again, as the node does when policies change.
    func reevaluate() throws { for stream in Array(streams.values) { try stream.reevaluate() } }

    func ended(_ stream: InboundStream) { streams[ObjectIdentifier(stream)] = nil }

    fileprivate func dial(_ conversation: Conversation, attempt: Int) throws -> OwnedDescriptor {
        guard let listener, let endpoint = TCPSocket.localEndpoint(of: listener.socket) else {
            throw Errno.connectionRefused
        }
        let socket = try TCPSocket.connect(to: endpoint)
        if let port = TCPSocket.localEndpoint(of: socket)?.port { expected[port] = (conversation, attempt) }
        return socket
    }

    private func answerHeld() {
        let waiting = held
        held = []
        for stream in waiting { stream.answer() }
    }
}

extension SimulatedPod: TunnelOwner {
    func tunnelEstablished(_ tunnel: TunnelConnection) {}

    func tunnelRequested(_ tunnel: TunnelConnection, _ stream: TunnelStream, head: [HTTPField]) {
        simulation.watch(stream)
        let inbound = InboundStream(self, stream, head, tunnel.peerIdentity)
        streams[ObjectIdentifier(inbound)] = inbound
        stream.adopt(by: inbound)
        if holdsAnswers {
            inbound.conversation?.excuse("held")
            held.append(inbound)
        } else {
            inbound.answer()
        }
    }

    func tunnelClosed(_ tunnel: TunnelConnection, _ failure: TunnelFailure?) { tunnels.removeAll { $0 === tunnel } }
}

extension SimulatedPod: CustomStringConvertible {
    var description: String { "\(uid) (\(identity.serviceAccount) at \(address))" }
}

/// Where an application listens.
final class Listener {
    let socket: OwnedDescriptor

    init() throws(Errno) { socket = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0)) }
}

/// One CONNECT stream at a pod: admitted, authorised and joined with the application.
final class InboundStream: TunnelStreamOwner {
    private let pod: SimulatedPod
    private let stream: TunnelStream
    private let head: [HTTPField]
    private let peer: SPIFFEID?
    private var destination: Endpoint?
    let conversation: Conversation?
    private let attempt: Int

    init(_ pod: SimulatedPod, _ stream: TunnelStream, _ head: [HTTPField], _ peer: SPIFFEID?) {
        self.pod = pod
        self.stream = stream
        self.head = head
        self.peer = peer
        let words = head.first(named: "x-conversation").map { String(decoding: $0.bytes, as: UTF8.self) }
        let numbers = words?.split(separator: " ").compactMap { Int($0) } ?? []
        let known = pod.simulation.conversations
        conversation = numbers.count == 2 && known.indices.contains(numbers[0]) ? known[numbers[0]] : nil
        attempt = numbers.last ?? 0
    }

    /// Decides, and answers or dials.
    func answer() {
        do {
            try decide()
        } catch {
            pod.simulation.note(error)
            refuse(503, "\(error)")
        }
    }

    private func decide() throws {
        let view = pod.node.view
        guard let conversation, let peer else { throw Violation("\(pod): a stream of no conversation or identity") }
        guard let workload = view.state.workload(uid: pod.uid) else { return refuse(503, "not known yet") }
        let authority = try Authority(bytes: head.first(named: ":authority")?.bytes ?? [])
        let admission = view.state.admit(authority, at: pod.address, for: workload, forwardedHost: nil)
        guard case .admitted(let target) = admission, case .address(let asked) = authority, target.destination == asked,
            asked.address == pod.address
        else { throw Violation("\(pod) answers \(admission) to \(authority)") }
        destination = target.destination
        guard try isAllowed(peer, workload, target.destination) else { return refuse(401, "policy") }
        do {
            try stream.connect(pod.dial(conversation, attempt: attempt))
        } catch {
            refuse(503, "application refuses")
        }
    }

    /// What the policies say, which must be what the model says.
    private func isAllowed(_ peer: SPIFFEID, _ workload: Workload, _ destination: Endpoint) throws -> Bool {
        let view = pod.node.view
        let source = conversation?.source.address ?? pod.address
        let decision = view.state.policies(for: workload).decide(
            .init(source: source, identity: peer, destination: destination))
        guard decision.isAllowed == view.allows(peer, workload, port: destination.port) else {
            throw Violation("\(pod): \(peer) to \(destination) is wrongly \(decision.reason)")
        }
        return decision.isAllowed
    }

    private func refuse(_ status: Int, _ reason: String) {
        conversation?.excuse(reason)
        stream.refuse([HTTPField(":status", "\(status)")])
    }

    func reevaluate() throws {
        guard let destination, let peer, let workload = pod.node.view.state.workload(uid: pod.uid) else { return }
        if try !isAllowed(peer, workload, destination) { abort("policy") }
    }

    func abort(_ reason: String) {
        conversation?.excuse(reason)
        stream.abort(reason)
    }

    func streamConnected(_ stream: TunnelStream) { stream.accept([HTTPField(":status", "200")]) }

    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) {
        conversation?.endings.append("server \(ending)")
        pod.ended(self)
    }
}
