import EventLoop
import Primitives
import System

/// Takes connections from one listener of a pod, a bounded number a turn. When the process has no descriptors left it
/// pauses instead of spinning; what waits in the kernel's queue is not lost.
final class Acceptor: EventHandler {
    private let loop: EventLoop
    private let listener: ListeningSocket
    private let accepted: (consuming AcceptedSocket) -> Void
    private let failed: (Errno) -> Void
    private var registration: Registration?
    private var pause: TimerToken?

    init(
        _ listener: ListeningSocket, on loop: EventLoop,
        accepted: @escaping (consuming AcceptedSocket) -> Void, failed: @escaping (Errno) -> Void
    ) throws(Errno) {
        self.loop = loop
        self.listener = listener
        self.accepted = accepted
        self.failed = failed
        try watch()
    }

    /// Takes no more connections; those in the kernel's queue are left to the other workers.
    func stop() {
        if let pause { loop.cancel(pause) }
        pause = nil
        guard let registration else { return }
        self.registration = nil
        loop.deregister(registration, listener.descriptor)
    }

    /// Takes those that wait, and none that come later: the listener is about to close, and would reset them.
    func finish() {
        for _ in 0..<Limits.listenBacklogCount {
            guard let socket = try? TCPSocket.accept(listener.descriptor) else { break }
            accepted(socket)
        }
        stop()
    }

    func ready(_ events: ReadyEvents) {
        for _ in 0..<Limits.acceptCountPerTurn where registration != nil {
            do throws(Errno) {
                guard let socket = try TCPSocket.accept(listener.descriptor) else { return }
                accepted(socket)
            } catch {
                failed(error)
                stop()
                return watchLater()
            }
        }
    }

    /// What the system has too little of may be free again then; if it is not, that is said and tried again.
    private func watchLater() {
        pause = loop.after(Limits.acceptPauseDuration) { [weak self] in
            guard let self else { return }
            pause = nil
            do throws(Errno) {
                try watch()
            } catch {
                failed(error)
                watchLater()
            }
        }
    }

    private func watch() throws(Errno) {
        registration = try loop.register(listener.descriptor, for: .listener, handler: self)
    }
}
