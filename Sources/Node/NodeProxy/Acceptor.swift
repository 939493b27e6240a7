import EventLoop
import Primitives
import System

/// Takes connections from one listener of a pod, a bounded number a turn. When the process has no descriptors left it
/// pauses instead of spinning; what waits in the kernel's queue is not lost.
final class Acceptor: EventHandler {
    /// Which listener it is.
    enum Port {
        case outbound
        case inboundTunnel
        case inboundPlaintext
    }

    private let loop: EventLoop
    private let listeners: PodListeners
    private let port: Port
    private let accepted: (consuming AcceptedSocket) -> Void
    private let failed: (Errno) -> Void
    private var registration: Registration?
    private var pause: TimerToken?

    init(
        _ port: Port, of listeners: PodListeners, on loop: EventLoop,
        accepted: @escaping (consuming AcceptedSocket) -> Void, failed: @escaping (Errno) -> Void
    ) throws(Errno) {
        self.loop = loop
        self.listeners = listeners
        self.port = port
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
        switch port {
        case .outbound: loop.deregister(registration, listeners.outbound)
        case .inboundTunnel: loop.deregister(registration, listeners.inboundTunnel)
        case .inboundPlaintext: loop.deregister(registration, listeners.inboundPlaintext)
        }
    }

    func ready(_ events: ReadyEvents) {
        for _ in 0..<Limits.acceptCountPerTurn where registration != nil {
            do throws(Errno) {
                guard let socket = try next() else { return }
                accepted(socket)
            } catch {
                failed(error)
                stop()
                pause = loop.after(Limits.acceptPauseDuration) { [weak self] in
                    self?.pause = nil
                    try? self?.watch()
                }
                return
            }
        }
    }

    private func next() throws(Errno) -> AcceptedSocket? {
        switch port {
        case .outbound: try TCPSocket.accept(listeners.outbound)
        case .inboundTunnel: try TCPSocket.accept(listeners.inboundTunnel)
        case .inboundPlaintext: try TCPSocket.accept(listeners.inboundPlaintext)
        }
    }

    private func watch() throws(Errno) {
        registration =
            switch port {
            case .outbound: try loop.register(listeners.outbound, for: .listener, handler: self)
            case .inboundTunnel: try loop.register(listeners.inboundTunnel, for: .listener, handler: self)
            case .inboundPlaintext: try loop.register(listeners.inboundPlaintext, for: .listener, handler: self)
            }
    }
}
