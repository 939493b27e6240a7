public import EventLoop
import Primitives
public import System
public import Telemetry

/// Brings the pods of a node into the mesh and out again: rules and routes in their namespaces, and the node proxy
/// told.
///
/// The order is that of istio-cni: a pod's traffic is captured before a proxy hears of the pod, so that from the
/// first moment it goes through the proxy or nowhere; on the way out the rules that capture go first, and the others
/// once the proxy has ended what it had.
public final class NodeAgent {
    private static let scope = "agent"

    private let loop: EventLoop
    private let network: PodNetwork
    private let log: Logger
    private var server: ZDSServer?
    private var current: [String: DesiredPod] = [:]
    private var namespaces: [String: NetworkNamespace] = [:]
    /// Pods that could not be captured; they are tried again.
    private var waiting: [String: DesiredPod] = [:]
    private var isRetryScheduled = false
    /// Pods whose last rules are still there.
    private var leaving: [String: (namespace: NetworkNamespace, timer: TimerToken)] = [:]

    /// Serves node proxies under `socketPath`.
    public init(loop: EventLoop, socketPath: String, network: PodNetwork, log: Logger) throws(Errno) {
        self.loop = loop
        self.network = network
        self.log = log
        server = try ZDSServer(loop: loop, path: socketPath) { [weak self] event in self?.note(event) }
    }

    /// Makes the node's pods be as they ought to.
    public func apply(_ desired: DesiredPods) {
        for remark in desired.remarks { log.log(.warn, Self.scope, remark) }
        let plan = EnrolmentPlan(from: current, to: desired)
        for uid in plan.released { release(uid) }
        for uid in plan.forgotten { forget(uid) }
        for pod in plan.recaptured {
            current[pod.pod.uid] = pod
            recapture(pod)
        }
        for pod in plan.enrolled {
            let known = current.updateValue(pod, forKey: pod.pod.uid)
            // A proxy takes one that it has, in the same namespace, for the same.
            if let known, known.pod != pod.pod { server?.withdraw(uid: pod.pod.uid) }
            enrol(pod)
        }
    }

    private func enrol(_ wanted: DesiredPod) {
        let uid = wanted.pod.uid
        waiting[uid] = nil
        if let last = leaving.removeValue(forKey: uid) { loop.cancel(last.timer) }
        do {
            let namespace = try open(wanted.namespacePath)
            let outcome = try network.install(wanted.capture, in: namespace)
            namespaces[uid] = namespace
            log.log(
                .info, Self.scope, "traffic captured",
                [.text("pod", wanted.pod.name), .bare("rules", outcome.rawValue), .text("netns", wanted.namespacePath)])
            server?.enrol(wanted.pod, namespace: namespace)
        } catch {
            server?.hold(wanted.pod)
            postpone(wanted, error)
        }
    }

    private func recapture(_ wanted: DesiredPod) {
        guard let namespace = namespaces[wanted.pod.uid] else {
            waiting[wanted.pod.uid] = wanted
            return
        }
        do {
            let outcome = try network.install(wanted.capture, in: namespace)
            log.log(
                .info, Self.scope, "capture changed", [.text("pod", wanted.pod.name), .bare("rules", outcome.rawValue)])
        } catch {
            postpone(wanted, error)
        }
    }

    private func release(_ uid: String) {
        if let namespace = namespaces[uid] {
            let pod = name(uid)
            attempt(pod) { () throws(CommandFailure) in try network.release(namespace) }
            let timer = loop.after(Limits.releaseDuration) { [weak self] in
                guard let self, let last = leaving.removeValue(forKey: uid) else { return }
                attempt(pod) { () throws(CommandFailure) in try network.remove(from: last.namespace) }
            }
            leaving[uid] = (namespace, timer)
        }
        log.log(.info, Self.scope, "pod released", [.text("pod", name(uid))])
        drop(uid)
    }

    private func attempt(_ pod: String, _ removal: () throws(CommandFailure) -> Void) {
        do throws(CommandFailure) {
            try removal()
        } catch {
            log.log(
                .error, Self.scope, "rules could not be removed",
                [.text("pod", pod), .text("error", error.description)])
        }
    }

    private func forget(_ uid: String) {
        log.log(.info, Self.scope, "pod gone", [.text("pod", name(uid))])
        drop(uid)
    }

    private func drop(_ uid: String) {
        server?.withdraw(uid: uid)
        namespaces[uid] = nil
        current[uid] = nil
        waiting[uid] = nil
    }

    // MARK: Trying again

    private func postpone(_ pod: DesiredPod, _ failure: CommandFailure) {
        log.log(
            .error, Self.scope, "traffic not captured",
            [.text("pod", pod.pod.name), .text("error", failure.description)])
        waiting[pod.pod.uid] = pod
        guard !isRetryScheduled else { return }
        isRetryScheduled = true
        loop.after(Limits.enrolmentRetryInterval) { [weak self] in
            guard let self else { return }
            isRetryScheduled = false
            for pod in waiting.values { enrol(pod) }
        }
    }

    private func open(_ path: String) throws(CommandFailure) -> NetworkNamespace {
        do { return try NetworkNamespace.open(path: path) } catch {
            throw CommandFailure(command: ["open", path], reason: error.description)
        }
    }

    // MARK: Words

    private func name(_ uid: String) -> String { current[uid]?.pod.name ?? uid }

    private func note(_ event: EnrolmentEvent) {
        switch event {
        case .enrolled(let uid): log.log(.info, Self.scope, "pod enrolled", [.text("pod", name(uid))])
        case .refused(let uid, let reason):
            log.log(
                .warn, Self.scope, "pod refused by the node proxy",
                [.text("pod", name(uid)), .text("error", reason)])
        case .proxyConnected: log.log(.info, Self.scope, "node proxy connected")
        case .proxyGone(let reason):
            log.log(.info, Self.scope, "node proxy gone", [.text("reason", reason)])
        }
    }
}
