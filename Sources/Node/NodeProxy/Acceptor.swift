import EventLoop
import Primitives
import System

/// Takes connections from one listener of a pod, a bounded number a turn. When the process has no descriptors left it
/// pauses instead of spinning; what waits in the kernel's queue is not lost.
final class Acceptor: EventHandler {
    private let listener: ListeningSocket
    private let watch: ListenerWatch
    private let accepted: (consuming AcceptedSocket) -> Void

    init(
        _ listener: ListeningSocket, on loop: EventLoop,
        accepted: @escaping (consuming AcceptedSocket) -> Void, failed: @escaping (Errno) -> Void
    ) throws(Errno) {
        self.listener = listener
        self.accepted = accepted
        watch = ListenerWatch(listener, on: loop, failed: failed)
        try watch.begin(self)
    }

    /// Takes no more connections; those in the kernel's queue are left to the other workers.
    func stop() { watch.stop() }

    /// Takes those that wait, and none that come later: the listener is about to close, and would reset them.
    func finish() {
        for _ in 0..<Limits.listenBacklogCount {
            guard let socket = try? TCPSocket.accept(listener.descriptor) else { break }
            accepted(socket)
        }
        stop()
    }

    func ready(_ events: ReadyEvents) {
        for _ in 0..<Limits.acceptCountPerTurn where watch.isOn {
            do throws(Errno) {
                guard let socket = try TCPSocket.accept(listener.descriptor) else { return }
                accepted(socket)
            } catch {
                return watch.pause(after: error)
            }
        }
    }
}
