import EventLoop
import Primitives
import Resolver
import System
import Wire

/// The datagrams of one of a pod's sockets, a bounded number a turn. When they cannot be read it pauses instead of
/// spinning.
final class NameDatagrams: EventHandler {
    /// None once it is stopped: answers under way do not keep the pod's port.
    private var (socket, watch): (ListeningSocket?, ListenerWatch?)
    private unowned let worker: Worker
    private unowned let proxy: NameProxy

    init(_ socket: ListeningSocket, _ worker: Worker, _ proxy: NameProxy) throws(Errno) {
        self.socket = socket
        self.worker = worker
        self.proxy = proxy
        let watch = ListenerWatch(socket, on: worker.loop) { [unowned proxy] failure in
            proxy.complain("cannot read questions for names: \(failure)")
        }
        self.watch = watch
        try watch.begin(self)
    }

    func stop() {
        watch?.stop()
        (watch, socket) = (nil, nil)
    }

    func ready(_ events: ReadyEvents) {
        var hasFailed = false
        for _ in 0..<Limits.queryCountPerTurn {
            guard let socket else { return }
            do throws(Errno) {
                let arrival = try unsafe UDPSocket.receive(from: socket.descriptor, into: worker.datagrams.bytes)
                guard let arrival else { return }
                answer(arrival)
            } catch {
                // One is that of an earlier answer whose reader is gone; the next question is not its fault.
                guard hasFailed else {
                    hasFailed = true
                    continue
                }
                watch?.pause(after: error)
                return
            }
        }
    }

    private func answer(_ arrival: UDPSocket.Arrival) {
        let sender = arrival.sender
        proxy.receive(worker.datagrams.prefix(arrival.byteCount), over: .udp) { [weak self] answer in
            guard let answer, let socket = self?.socket else { return }
            try? UDPSocket.send(answer, to: sender, from: socket.descriptor)
        }
    }
}

@available(*, unavailable) extension NameDatagrams: Sendable {}
