import EventLoop
import Primitives
import System

/// The watch of one of a pod's listening sockets. Where what waits there cannot be taken it pauses instead of spinning:
/// what the system has too little of may be free again then. What waits in the kernel's queue is not lost.
final class ListenerWatch {
    private let loop: EventLoop
    private let socket: ListeningSocket
    private let failed: (Errno) -> Void
    /// Owns the watch.
    private unowned var handler: (any EventHandler)?
    private var registration: Registration?
    private var pauseTimer: TimerToken?

    /// - Parameter failed: told of each failure.
    init(_ socket: ListeningSocket, on loop: EventLoop, failed: @escaping (Errno) -> Void) {
        self.socket = socket
        self.loop = loop
        self.failed = failed
    }

    var isOn: Bool { registration != nil }

    func begin(_ handler: any EventHandler) throws(Errno) {
        self.handler = handler
        registration = try loop.register(socket.descriptor, for: .listener, handler: handler)
    }

    /// What waits is left to the other workers.
    func stop() {
        if let pauseTimer { loop.cancel(pauseTimer) }
        pauseTimer = nil
        guard let registration else { return }
        self.registration = nil
        loop.deregister(registration, socket.descriptor)
    }

    /// Tells of the failure, and watches again a moment later; if that cannot be done, it is said and tried again.
    func pause(after failure: Errno) {
        failed(failure)
        stop()
        pauseTimer = loop.after(Limits.listenerPauseDuration) { [weak self] in
            guard let self, let handler else { return }
            pauseTimer = nil
            do throws(Errno) {
                try begin(handler)
            } catch {
                pause(after: error)
            }
        }
    }
}
