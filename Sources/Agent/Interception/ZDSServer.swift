public import EventLoop
import Primitives
import Schema
public import System

/// What the enrolment server tells its owner.
public enum EnrolmentEvent: Equatable, Sendable {
    /// A node proxy serves the pod now.
    case enrolled(uid: String)
    /// The node proxy could not take the pod on yet; it is offered again.
    case refused(uid: String, reason: String)
    case proxyConnected
    case proxyGone(reason: String)
}

/// Serves the enrolment protocol on a Unix socket: holds the pods' network namespaces and carries out what the ledger
/// decides.
public final class ZDSServer: EventHandler {
    private let loop: EventLoop
    private let listener: OwnedDescriptor
    private let report: (EnrolmentEvent) -> Void
    private var registration: Registration?
    private var ledger = EnrolmentLedger()
    private var namespaces: [String: NetworkNamespace] = [:]
    private var connections: [EnrolmentLedger.ProxyID: ZDSConnection] = [:]
    private var isRetryScheduled = false

    /// Listens under `path`, in the place of a socket that an earlier agent left there.
    public init(loop: EventLoop, path: String, report: @escaping (EnrolmentEvent) -> Void) throws(Errno) {
        self.loop = loop
        self.report = report
        listener = try SequencedPacketSocket.listen(path: path)
        registration = try loop.register(listener, for: .listener, handler: self)
    }

    /// Enrols a pod, or moves it to another namespace.
    public func enrol(_ pod: EnrolledPod, namespace: NetworkNamespace) {
        namespaces[pod.uid] = namespace
        carryOut(ledger.enrol(pod))
    }

    /// Notes a pod whose namespace cannot be had now, so that a proxy which serves it goes on.
    public func hold(_ pod: EnrolledPod) { ledger.hold(pod) }

    /// Takes a pod back.
    public func withdraw(uid: String) {
        namespaces[uid] = nil
        carryOut(ledger.withdraw(uid: uid))
    }

    /// Lets the next proxy in, and none after it for a while: one that reconnects in a circle shall not keep us busy.
    public func ready(_ events: ReadyEvents) {
        do {
            guard let descriptor = try SequencedPacketSocket.accept(listener) else { return }
            let proxy = ledger.connect()
            let connection = ZDSConnection(proxy: proxy, server: self, loop: loop, descriptor: descriptor)
            connections[proxy] = connection
            try connection.start()
        } catch {
            report(.proxyGone(reason: error.description))
        }
        if let registration { loop.deregister(registration, listener) }
        loop.after(Limits.enrolmentAcceptIntervalMin) { [weak self] in self?.listenAgain() }
    }

    private func listenAgain() {
        do {
            registration = try loop.register(listener, for: .listener, handler: self)
        } catch {
            // The loop is out of descriptors or memory; trying again is all there is.
            loop.after(Limits.enrolmentRetryInterval) { [weak self] in self?.listenAgain() }
        }
    }

    // MARK: Connections

    func received(_ bytes: [UInt8], from proxy: EnrolmentLedger.ProxyID) {
        carryOut(ledger.receive(bytes, from: proxy))
    }

    func failed(_ proxy: EnrolmentLedger.ProxyID, _ violation: ZDSSession.Violation) {
        carryOut(ledger.fail(proxy, violation))
    }

    func ended(_ proxy: EnrolmentLedger.ProxyID, reason: String) {
        drop(proxy, reason: reason)
        carryOut(ledger.disconnect(proxy))
    }

    private func drop(_ proxy: EnrolmentLedger.ProxyID, reason: String) {
        guard let connection = connections.removeValue(forKey: proxy) else { return }
        connection.close()
        report(.proxyGone(reason: reason))
    }

    private func carryOut(_ effects: [EnrolmentLedger.Effect]) {
        for effect in effects {
            switch effect {
            case .send(let request, let proxy): send(request, to: proxy)
            case .greeted: report(.proxyConnected)
            case .close(let proxy, let violation): drop(proxy, reason: violation.description)
            case .enrolled(let uid): report(.enrolled(uid: uid))
            case .refused(let uid, let reason):
                report(.refused(uid: uid, reason: reason))
                scheduleRetry()
            }
        }
    }

    private func send(_ request: WorkloadRequest.Payload, to proxy: EnrolmentLedger.ProxyID) {
        var namespace: NetworkNamespace?
        if case .add(let add) = request { namespace = namespaces[add.uid] }
        connections[proxy]?.send(WorkloadRequest(request).protobuf(), namespace: namespace)
    }

    private func scheduleRetry() {
        guard !isRetryScheduled else { return }
        isRetryScheduled = true
        loop.after(Limits.enrolmentRetryInterval) { [weak self] in
            guard let self else { return }
            isRetryScheduled = false
            carryOut(ledger.retryRefused())
        }
    }
}
