import EventLoop
import Mesh
import Primitives
import Schema
import System
import Telemetry

/// What came of starting a pod's proxy.
enum PodStart: Equatable {
    case started
    /// Another proxy serves the pod, and is to go on until this one knows the mesh.
    case served
    /// Why it could not be started.
    case failed(String)
}

/// What enrolment does to the node.
protocol EnrolmentTarget: AnyObject {
    /// Starts a pod's proxy in its namespace; one that runs in another namespace under the same uid is stopped first.
    func startPod(
        uid: String, _ name: WorkloadName, _ namespace: NetworkNamespace, _ done: @escaping (PodStart) -> Void)
    /// Stops a pod's proxy and calls back when nothing of it is left.
    func stopPod(uid: String, _ done: @escaping () -> Void)
    /// Uids of pods whose proxies run.
    var runningPods: Set<String> { get }
    /// Whether the snapshot has come, the agent is connected and no pod waits to be started.
    func enrolmentReady(_ isReady: Bool)
}

/// Keeps a connection to the interception agent and does what it asks, one message at a time. Pods that could not be
/// started are tried again every few seconds.
///
/// Before the mesh is known it takes on the pods that the agent has already, as their connections come in any case; new
/// ones wait. Where it finds that another proxy serves them it stands back until then, so that the agent turns to that
/// one.
final class EnrolmentClient: EventHandler {
    private struct Pending {
        let name: WorkloadName
        let namespace: NetworkNamespace
    }

    private let loop: EventLoop
    private let path: String
    private let logger: Logger
    private unowned let target: any EnrolmentTarget
    private var state = EnrolmentState()
    private var socket: OwnedDescriptor?
    private var registration: Registration?
    private var pending: [String: Pending] = [:]
    private var retry: TimerToken?
    private var reconnect: TimerToken?
    private var isBusy = false
    private var isStopped = false
    private var isMeshKnown = false
    /// A pod that is new to the agent, until the mesh is known.
    private var early: (uid: String, pod: Pending, patience: TimerToken)?
    private var delay = Limits.enrolmentReconnectDurationMin

    init(loop: EventLoop, path: String, logger: Logger, target: any EnrolmentTarget) {
        self.loop = loop
        self.path = path
        self.logger = logger
        self.target = target
    }

    /// Pods that could not be started yet.
    var pendingPods: [(uid: String, name: WorkloadName)] { pending.map { ($0, $1.name) } }

    func start() { connect() }

    /// Takes on every pod from now on.
    func meshBecameKnown() {
        guard !isMeshKnown, !isStopped else { return }
        isMeshKnown = true
        delay = Limits.enrolmentReconnectDurationMin
        if let reconnect { loop.cancel(reconnect) }
        reconnect = nil
        if socket == nil { connect() }
        takeEarly()
        retryPending()
    }

    /// Reads no more messages; what runs keeps running.
    func stop() {
        isStopped = true
        disconnect()
        for token in [retry, reconnect, early?.patience].compactMap({ $0 }) { loop.cancel(token) }
    }

    func ready(_ events: ReadyEvents) { receive() }

    // MARK: Connection

    private func connect() {
        do throws(Errno) {
            let socket = try SequencedPacketSocket.connect(path: path)
            var hello = ZdsHello()
            hello.version = .v1
            _ = try SequencedPacketSocket.send(hello.protobuf(), on: socket)
            registration = try loop.register(socket, handler: self)
            self.socket = consume socket
            state.connected()
            logger.log(.info, "inpod::statemanager", "connected to the interception agent", [.text("path", path)])
        } catch {
            logger.log(.debug, "inpod", "cannot reach the interception agent at \(path): \(error)")
            connectLater()
        }
    }

    /// Waits before each further attempt, also after a peer that only hangs up.
    private func connectLater() {
        guard !isStopped, reconnect == nil else { return }
        reconnect = loop.after(delay) { [weak self] in
            self?.reconnect = nil
            self?.connect()
        }
        delay = min(delay * 2, Limits.enrolmentReconnectDurationMax)
    }

    private func disconnect() {
        guard let socket = socket.take() else { return }
        if let registration { loop.deregister(registration, socket) }
        registration = nil
        report()
    }

    private func lost(_ reason: String) {
        disconnect()
        guard !isStopped else { return }
        logger.log(.warn, "inpod", "connection to the interception agent lost: \(reason)")
        connectLater()
    }

    // MARK: Messages

    private func receive() {
        while !isBusy, socket != nil {
            var request: WorkloadRequest?
            var descriptor: OwnedDescriptor?
            var descriptorCount = 0
            var flaw: String?
            do throws(Errno) {
                guard let arrival = try arrival() else { return }
                switch consume arrival {
                case .wouldBlock: return
                case .endOfStream: return lost("closed by the agent")
                case .packet(var packet):
                    descriptorCount = packet.descriptorCount
                    descriptor = packet.descriptor.take()
                    if packet.isTruncated {
                        flaw = "message is too long"
                    } else {
                        do {
                            request = try WorkloadRequest(protobuf: packet.bytes)
                        } catch {
                            flaw = "\(error)"
                        }
                    }
                }
            } catch {
                return lost("\(error)")
            }
            guard let request else {
                answer("failed to read message : \(flaw ?? "")")
                return lost("unreadable message")
            }
            carryOut(request, descriptor.take(), descriptorCount)
        }
    }

    private func arrival() throws(Errno) -> SequencedPacketSocket.Arrival? {
        guard socket != nil else { return nil }
        return try socket.receivePacket()
    }

    private func carryOut(
        _ request: WorkloadRequest, _ descriptor: consuming OwnedDescriptor?, _ descriptorCount: Int
    ) {
        let known = target.runningPods.union(pending.keys)
        let action = state.received(request, descriptorCount: descriptorCount, known: known)
        switch action {
        case .acknowledge: answer("")
        case .refuse(let reason):
            logger.log(.error, "inpod", "message of the interception agent refused: \(reason)")
            answer(reason)
            lost("protocol error")
        case .stop(let uids): stop(uids[...])
        case .start(let uid, let name):
            guard let descriptor = descriptor.take() else { return answer("failed to read message : no descriptor") }
            start(uid, name, descriptor)
        }
    }

    private func start(_ uid: String, _ name: WorkloadName, _ descriptor: consuming OwnedDescriptor) {
        let namespace: NetworkNamespace
        do {
            namespace = try NetworkNamespace(adopting: descriptor)
        } catch {
            return answer("failed to start proxy : \(error)")
        }
        isBusy = true
        pending[uid] = nil
        let pod = Pending(name: name, namespace: namespace)
        guard !isMeshKnown, state.hasSnapshot else { return start(uid, pod) }
        let patience = loop.after(Limits.earlyEnrolmentDuration) { [weak self] in self?.giveUpEarly() }
        early = (uid, pod, patience)
    }

    private func start(_ uid: String, _ pod: Pending) {
        target.startPod(uid: uid, pod.name, pod.namespace) { [weak self] outcome in
            guard let self else { return }
            switch outcome {
            case .started: finish("")
            case .served:
                logger.log(.info, "inpod", "another proxy serves the pods until the mesh is known")
                isBusy = false
                disconnect()
            case .failed(let reason): refuse(uid, pod, reason)
            }
        }
    }

    private func refuse(_ uid: String, _ pod: Pending, _ reason: String) {
        logger.log(.warn, "inpod", "cannot start the proxy of \(uid): \(reason)")
        pending[uid] = pod
        retryLater()
        finish("failed to start proxy : \(reason)")
    }

    /// The mesh is known: the new pod can be served.
    private func takeEarly() {
        guard let (uid, pod, patience) = early else { return }
        loop.cancel(patience)
        early = nil
        start(uid, pod)
    }

    /// The agent does not wait for ever.
    private func giveUpEarly() {
        guard let (uid, pod, _) = early else { return }
        early = nil
        refuse(uid, pod, "the control plane has not told the mesh yet")
    }

    private func stop(_ uids: ArraySlice<String>) {
        isBusy = true
        guard let uid = uids.first else { return finish("") }
        pending[uid] = nil
        target.stopPod(uid: uid) { [weak self] in self?.stop(uids.dropFirst()) }
    }

    private func finish(_ error: String) {
        isBusy = false
        answer(error)
        report()
        receive()
    }

    private func answer(_ error: String) {
        delay = Limits.enrolmentReconnectDurationMin
        let text = String(decoding: error.utf8.prefix(Limits.enrolmentMessageByteCountMax - 64), as: UTF8.self)
        guard socket.sendPacket(WorkloadResponse(Ack(error: text)).protobuf()) else { return lost("cannot answer") }
    }

    // MARK: Pending pods

    private func retryLater() {
        guard retry == nil, !pending.isEmpty, !isStopped else { return }
        retry = loop.after(Limits.enrolmentRetryDuration) { [weak self] in
            guard let self else { return }
            retry = nil
            if isMeshKnown { retryPending() }
            retryLater()
        }
    }

    private func retryPending() {
        for (uid, pod) in pending {
            target.startPod(uid: uid, pod.name, pod.namespace) { [weak self] outcome in
                guard let self else { return }
                if case .started = outcome { pending[uid] = nil }
                report()
            }
        }
    }

    private func report() { target.enrolmentReady(socket != nil && state.hasSnapshot && pending.isEmpty) }
}

extension Optional where Wrapped == OwnedDescriptor {
    fileprivate borrowing func receivePacket() throws(Errno) -> SequencedPacketSocket.Arrival? {
        switch self {
        case .some(let socket):
            try SequencedPacketSocket.receive(from: socket, capacity: Limits.enrolmentMessageByteCountMax)
        case .none: nil
        }
    }

    fileprivate borrowing func sendPacket(_ bytes: [UInt8]) -> Bool {
        switch self {
        case .some(let socket): (try? SequencedPacketSocket.send(bytes, on: socket)) ?? false
        case .none: true
        }
    }
}
