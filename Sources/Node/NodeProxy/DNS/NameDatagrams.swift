import EventLoop
import Primitives
import Resolver
import System
import Wire

/// The datagrams of one of a pod's sockets, a bounded number a turn.
final class NameDatagrams: EventHandler {
    /// None once it is stopped: answers under way do not keep the pod's port.
    private var socket: ListeningSocket?
    private unowned let worker: Worker
    private unowned let proxy: NameProxy
    private var registration: Registration?

    init(_ socket: ListeningSocket, _ worker: Worker, _ proxy: NameProxy) throws(Errno) {
        self.socket = socket
        self.worker = worker
        self.proxy = proxy
        registration = try worker.loop.register(socket.descriptor, for: .listener, handler: self)
    }

    func stop() {
        if let registration, let socket { worker.loop.deregister(registration, socket.descriptor) }
        (registration, socket) = (nil, nil)
    }

    func ready(_ events: ReadyEvents) {
        for _ in 0..<Limits.queryCountPerTurn {
            guard let socket else { return }
            // An error here is that of an earlier answer whose reader is gone; the next question is not its fault.
            let arrival = try? unsafe UDPSocket.receive(from: socket.descriptor, into: worker.datagrams.bytes)
            guard let arrival else { return }
            let sender = arrival.sender
            proxy.receive(worker.datagrams.prefix(arrival.byteCount), over: .udp) { [weak self] answer in
                guard let answer, let socket = self?.socket else { return }
                try? UDPSocket.send(answer, to: sender, from: socket.descriptor)
            }
        }
    }
}

@available(*, unavailable) extension NameDatagrams: Sendable {}
