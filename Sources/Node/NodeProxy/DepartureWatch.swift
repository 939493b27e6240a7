import EventLoop
import Primitives
import System

/// Looks whether an application that has sent FIN before its connection was made has gone. One that has ended its own
/// direction only waits for an answer, so the packet alone does not tell, but the pod's kernel knows.
final class DepartureWatch: TimerHandler {
    private let pod: PodProxy
    private let client: Endpoint
    private let dialled: Endpoint
    private let departed: () -> Void
    private var span = Limits.departureLookDurationMin
    private var timer: TimerToken?

    /// - Parameters:
    ///   - client: the application's end of its connection.
    ///   - dialled: the other end, as the application knows it.
    ///   - departed: called once if no process holds the application's socket any more.
    init(_ pod: PodProxy, from client: Endpoint, to dialled: Endpoint, departed: @escaping () -> Void) {
        (self.pod, self.client, self.dialled, self.departed) = (pod, client, dialled, departed)
        // The FIN leaves a moment before the socket is without its process.
        wait()
    }

    func stop() {
        if let timer { pod.worker.loop.cancel(timer) }
        timer = nil
    }

    private func wait() { timer = pod.worker.loop.schedule(after: span, kind: 0, handler: self) }

    func timerFired(_ kind: Int) {
        timer = nil
        guard let isHeld = pod.worker.isHeld(in: pod.namespace, from: client, to: dialled) else { return }
        guard isHeld else { return departed() }
        span = min(span * 2, Limits.departureLookDurationMax)
        wait()
    }
}

extension Worker {
    /// Whether a process holds the socket with these ends in a pod; nil when that cannot be known.
    func isHeld(in namespace: NetworkNamespace, from local: Endpoint, to remote: Endpoint) -> Bool? {
        try? namespace.perform(from: home) { () throws(Errno) -> Bool? in TCPSocket.isHeld(from: local, to: remote) }
    }
}
