import EventLoop
import Glibc
import Identity
import Mesh
import Primitives
import System
import TLS
@testable import Tunnel

/// Two nodes with pods that talk, on one loop and a clock of its own: the real mesh, policies, pools, tunnels and
/// sessions, joined by links and applications that go wrong at random. Every choice follows from the seed; only how
/// much the kernel's buffers take at once does not.
final class Simulation {
    let seed: UInt64
    var chance: Chance
    let clock = ManualClock(now: Instant(nanoseconds: 1_000_000_000_000))
    let loop: EventLoop
    let nodes: [SimulatedNode]
    private(set) var step = 0
    var pods: [SimulatedPod] = []
    var podCount = 0
    private(set) var conversations: [Conversation] = []
    private(set) var ends: [Int: ApplicationEnd] = [:]
    var links: [Link] = []
    private var linksByTunnel: [ObjectIdentifier: Link] = [:]
    /// The latest of each pod and key.
    private var latestLink: [String: [TunnelKey: Link]] = [:]
    private var watched: [Watched] = []
    private(set) var policies: [String: PolicyModel] = [:]
    /// Conversations that got through.
    private(set) var completeCount = 0
    private var violation: (any Error)?
    /// What was done last, for whoever reads of a failure.
    private(set) var history: [String] = []
    private let certificates: Certificates
    private let room = Room()
    /// Where clients connect; the connections are taken right away.
    private let entrance: Listener

    private struct Watched {
        weak var object: AnyObject?
        let name: String
    }

    init(seed: UInt64) throws {
        self.seed = seed
        chance = Chance(seed: seed)
        loop = try EventLoop(clock: clock)
        certificates = try Certificates()
        entrance = try Listener()
        var receive = ReceiveLimits()
        if chance.once(in: 2) {
            (receive.tunnelByteCountMax, receive.nodeByteCountMax) = (1 << 18, 1 << 19)
        }
        let bound = chance.one(of: 1024, 3) as UInt32
        nodes = ["north", "south"].map {
            SimulatedNode(name: $0, receive: receive, acceptedStreamCountMax: bound)
        }
    }

    /// Runs so many steps, then lets everything come to its end and looks at what is left.
    func run(stepCount: Int) throws {
        for _ in 0..<stepCount {
            step += 1
            try act()
            try turn(chance.number(1...8))
            clock.advance(by: .microseconds(chance.number(0...20_000)))
            try raise()
        }
        try settle()
        try finish()
    }

    // MARK: What others report

    func note(_ failure: any Error) { if violation == nil { violation = failure } }
    func raise() throws { if let violation { throw violation } }

    func record(_ action: String) {
        history.append("\(step) \(action)")
        if history.count > 60 { history.removeFirst() }
    }

    /// The object must be gone in the end.
    func watch(_ object: AnyObject) { watched.append(Watched(object: object, name: "\(type(of: object))")) }

    func pod(at address: IPAddress) -> SimulatedPod? { pods.last { $0.isAlive && $0.address == address } }

    func credentials(of identity: SPIFFEID) throws -> Certificates.Contexts { try certificates.contexts(of: identity) }
    func rotate(_ identity: SPIFFEID) { certificates.rotate(identity) }

    func tell(_ update: MeshUpdate) { for node in nodes { node.tell(update) } }

    func change(_ policy: PolicyModel) {
        policies[policy.key] = policy
        tell(.policy(policy))
    }

    func removePolicy(_ key: String) {
        policies[key] = nil
        tell(.policyRemoved(key))
    }

    // MARK: Tunnels

    /// Opens a tunnel to whoever is at the address now.
    func dial(
        _ key: TunnelKey, from pod: SimulatedPod, _ owner: any TunnelOwner
    ) throws(TunnelFailure) -> TunnelConnection {
        let target = self.pod(at: key.destination.address)
        if target == nil, chance.once(in: 2) { throw .connect(.connectionRefused) }
        do {
            let link = try Link(key, to: target)
            guard let near = link.takeNear() else { throw Violation("a link without an end") }
            let tls = try TLSConnection(client: credentials(of: pod.identity).client, expecting: key.expected)
            let tunnel = try TunnelConnection(
                connecting: near, tls: tls, loop: loop, buffers: pod.node.buffers, owner: owner)
            watch(tunnel)
            links.append(link)
            linksByTunnel[ObjectIdentifier(tunnel)] = link
            latestLink[pod.uid, default: [:]][key] = link
            if let far = link.takeFar() { try target?.accept(far) }
            return tunnel
        } catch {
            note(error)
            throw .abandoned("\(error)")
        }
    }

    /// A tunnel that the pool hands out for `key` must be one of that key, alive, and proven.
    func judge(_ tunnel: TunnelConnection, for key: TunnelKey) throws -> Link {
        guard let link = linksByTunnel[ObjectIdentifier(tunnel)], link.key == key else {
            throw Violation("the pool hands out a tunnel of another key for \(key)")
        }
        guard tunnel.isOpen, !tunnel.isDoubtful else { throw Violation("the pool hands out a dead tunnel for \(key)") }
        guard let peer = tunnel.peerIdentity, key.expected.contains(peer), link.target?.identity == peer else {
            throw Violation("the pool hands out a tunnel to \(String(describing: tunnel.peerIdentity)) for \(key)")
        }
        return link
    }

    /// A tunnel that cannot be had needs a cause.
    func judge(_ failure: TunnelFailure, _ key: TunnelKey, _ conversation: Conversation) {
        let link = latestLink[conversation.source.uid]?[key]
        let owner = pod(at: key.destination.address)
        if failure.isAbandonment {
            conversation.excuse("\(failure)")
        } else if let fault = link?.fault {
            conversation.excuse(fault)
        } else if owner?.uid != key.workload || link?.target?.isAlive != true || !conversation.source.isAlive {
            conversation.excuse("\(failure)")
        } else {
            note(Violation("\(conversation): no tunnel, for no reason: \(failure)"))
        }
    }

    // MARK: Conversations

    func converse(from source: SimulatedPod, to asked: Endpoint) throws {
        let conversation = Conversation(self, number: conversations.count, from: source, to: asked)
        guard let endpoint = TCPSocket.localEndpoint(of: entrance.socket) else { throw Violation("no entrance") }
        let socket = try TCPSocket.connect(to: endpoint)
        var accepted = try TCPSocket.accept(entrance.socket)
        // The kernel may take a moment when the machine is busy.
        while accepted == nil {
            usleep(100)
            accepted = try TCPSocket.accept(entrance.socket)
        }
        conversations.append(conversation)
        let end = makeEnd(conversation, socket, isClient: true)
        conversation.client = end
        if let accepted = accepted.take() {
            OutboundConnection(conversation, random: chance.next()).route(accepted.take())
        }
    }

    /// An application was reached by a conversation.
    func began(_ conversation: Conversation, _ socket: consuming OwnedDescriptor) {
        conversation.servers.append(makeEnd(conversation, socket, isClient: false))
    }

    private func makeEnd(
        _ conversation: Conversation, _ socket: consuming OwnedDescriptor, isClient: Bool
    ) -> ApplicationEnd {
        let total = chance.one(of: 8, 100, 5_000, 70_000, 300_000)
        let end = ApplicationEnd(key: ends.count + 1, conversation, socket, total: total)
        ends[end.key] = end
        return end
    }

    // MARK: Turns

    /// Lets so many rounds of bytes pass.
    /// - Returns: whether anything moved in the last.
    @discardableResult func turn(_ count: Int, waiting: Duration = .zero) throws -> Bool {
        var hasMoved = false
        for _ in 0..<count {
            loop.turn(waitingAtMost: waiting)
            hasMoved = false
            for link in links where unsafe link.move(&chance, room.bytes) { hasMoved = true }
            links.removeAll { $0.isOver }
            for pod in pods where pod.isAlive { try pod.acceptApplications() }
            for conversation in conversations {
                if let client = conversation.client, try unsafe client.move(&chance, room.bytes) { hasMoved = true }
                for server in conversation.servers where try unsafe server.move(&chance, room.bytes) { hasMoved = true }
            }
            try raise()
        }
        return hasMoved
    }

    /// Lets bytes pass until none do.
    func quiesce() throws {
        var quietCount = 0
        for _ in 0..<200_000 where quietCount < 3 {
            quietCount = try turn(1, waiting: quietCount > 0 ? .milliseconds(1) : .zero) ? 0 : quietCount + 1
        }
        guard quietCount == 3 else { throw Violation("bytes move for ever") }
    }

    // MARK: The end

    /// Lets go of what refers to itself.
    func release() {
        for conversation in conversations { conversation.release() }
        (conversations, pods, links) = ([], [], [])
        ends = [:]
        linksByTunnel = [:]
        latestLink = [:]
    }

    /// Takes every fault away that can be, and waits as long as the longest patience.
    private func settle() throws {
        record("settling")
        for link in links where chance.once(in: 2) { link.heal() }
        for pod in pods { pod.holdsAnswers = false }
        for end in ends.values { (end.isStalled, end.isDeaf) = (false, false) }
        for node in nodes { while node.takeUpdate() {} }
        try quiesce()
        try judgeConversations()
        // Dead peers are found, then half-closed streams that are silent.
        for span in [Duration.seconds(5), .seconds(12), .seconds(12), .seconds(30), .seconds(3000), .seconds(3000)] {
            clock.advance(by: span)
            try quiesce()
        }
        for end in ends.values where !end.isOver { throw Violation("\(end) hangs") }
    }

    /// What nothing stood in the way of must have got through.
    private func judgeConversations() throws {
        for conversation in conversations where conversation.excuse == nil && !conversation.isComplete {
            throw Violation(
                """
                \(conversation) did not get through: \(String(describing: conversation.client)), \
                \(conversation.servers), \(conversation.endings)
                """)
        }
    }

    private func finish() throws {
        for pod in pods where pod.isAlive { pod.stop() }
        try quiesce()
        clock.advance(by: .seconds(1))
        try quiesce()
        for pod in pods where pod.pool.tunnelCount > 0 || !pod.tunnels.isEmpty {
            throw Violation("\(pod) keeps tunnels")
        }
        for node in nodes {
            let budget = node.buffers.budget
            let left = [
                budget.node.heldByteCount, budget.node.lingeringByteCount, budget.unsentByteCount, budget.growth,
            ]
            guard left == [0, 0, 0, 0] else { throw Violation("the budget of \(node.name) keeps \(left)") }
        }
        completeCount = conversations.count { $0.isComplete }
        release()
        let left = watched.filter { $0.object != nil }.map(\.name)
        guard left.isEmpty else { throw Violation("\(left.count) of \(watched.count) objects are left: \(Set(left))") }
    }
}

/// Scratch memory of a simulation.
@safe private final class Room {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    deinit { unsafe bytes.deallocate() }
}
