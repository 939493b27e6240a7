import EventLoop
import Primitives
import System
import Telemetry
import Wire

/// A SOCKS5 client of the pod, until it is known where it wants to go; then it goes the way of a captured connection.
final class SOCKSConnection {
    private let pod: PodProxy
    private let peer: Endpoint
    private var handshake = SOCKSHandshake()
    private var socket: OwnedDescriptor?
    private var registration: Registration?
    private var timer: TimerToken?
    private var hasLeft = false
    /// What has come of the bytes that the handshake wants.
    private var bytes: [UInt8] = []

    static func accept(_ accepted: consuming AcceptedSocket, _ pod: PodProxy) {
        let peer = accepted.peer
        let socket = accepted.take()
        if case .refused(let isFirst) = pod.undirected.enter(peer.address) {
            let destination = TCPSocket.localEndpoint(of: socket) ?? peer
            let record = ConnectionRecord(.outbound, from: peer, to: destination, at: pod.worker.loop.now)
            record.refuse(on: pod.worker, isFirst ? "too many SOCKS clients at once that ask for nothing" : nil)
            return TCPSocket.resetOnClose(socket)
        }
        let connection = SOCKSConnection(pod, socket, from: peer)
        pod.opened(connection)
        connection.start()
    }

    private init(_ pod: PodProxy, _ socket: consuming OwnedDescriptor, from peer: Endpoint) {
        self.pod = pod
        self.socket = consume socket
        self.peer = peer
    }

    private func start() {
        timer = pod.worker.loop.schedule(after: Limits.socksHandshakeDuration, kind: 0, handler: self)
        guard let socket = socket.take() else { return }
        do throws(Errno) {
            registration = try pod.worker.loop.register(socket, handler: self)
        } catch {
            return close()
        }
        self.socket = consume socket
    }

    private func close() {
        if let registration { pod.worker.loop.forgetClosing(registration) }
        registration = nil
        socket = nil
        stopTimer()
        leave()
    }

    private func leave() {
        guard !hasLeft else { return }
        hasLeft = true
        pod.undirected.leave(peer.address)
        pod.closed(self)
    }

    private func stopTimer() {
        if let timer { pod.worker.loop.cancel(timer) }
        timer = nil
    }

    private func read() throws(Errno) {
        while handshake.byteCountWanted > 0 {
            guard let outcome = try socket?.read(atMost: handshake.byteCountWanted - bytes.count, into: &bytes) else {
                return
            }
            switch outcome {
            case .wouldBlock: return
            case .endOfStream: return close()
            case .bytes: break
            }
            guard bytes.count == handshake.byteCountWanted else { continue }
            let taken = handshake.take(bytes)
            bytes = []
            switch taken {
            case .more(let reply): try send(reply)
            case .refused(let reply):
                try send(reply)
                return close()
            case .target(let target): resolve(target)
            }
        }
    }

    /// A reply is a few bytes on a connection that has none waiting: the kernel takes it whole.
    private func send(_ reply: [UInt8]) throws(Errno) {
        guard !reply.isEmpty else { return }
        guard case .bytes(reply.count)? = try socket?.write(reply[...]) else { throw .noBufferSpace }
    }

    private func resolve(_ target: SOCKSHandshake.Target) {
        switch target {
        case .endpoint(let endpoint): proceed(to: endpoint)
        case .name(let name, let port):
            if let address = IPAddress(name) { return proceed(to: Endpoint(address, port: port)) }
            guard let names = pod.names else { return refuse(.generalFailure, "names are not answered: \(name)") }
            names.resolve(name, peer.address.family) { [weak self] addresses in
                guard let address = addresses.first else {
                    self?.refuse(.hostUnreachable, "no address for host name \(name)")
                    return
                }
                self?.proceed(to: Endpoint(address, port: port), or: addresses.dropFirst())
            }
        }
    }

    private func refuse(_ code: SOCKSHandshake.Code, _ reason: String) {
        guard socket != nil else { return }
        pod.worker.logger.log(.warn, "socks5", reason, [.bare("src.addr", peer), .text("pod", pod.uid)])
        try? send(SOCKSHandshake.reply(code))
        close()
    }

    private func proceed(to destination: Endpoint, or further: ArraySlice<IPAddress> = []) {
        guard let socket = socket.take() else { return }
        if let registration { pod.worker.loop.deregister(registration, socket) }
        registration = nil
        stopTimer()
        TCPSocket.resetOnClose(socket)
        // It takes its own place among the pod's connections.
        leave()
        OutboundConnection.begin(
            socket, from: peer, to: destination, pod, answering: SOCKSClient(trying: further))
    }
}

extension SOCKSConnection: EventHandler {
    func ready(_ events: ReadyEvents) {
        do throws(Errno) { try read() } catch { close() }
    }
}

extension SOCKSConnection: TimerHandler {
    func timerFired(_ kind: Int) {
        timer = nil
        refuse(.generalFailure, "the handshake took too long")
    }
}

extension SOCKSConnection: PodConnection {
    func report(to metrics: inout WorkerMetrics) { metrics.openSockets[.source, default: 0] &+= 1 }

    func abort(_ reason: String) {
        if let socket = socket.take() { TCPSocket.resetOnClose(socket) }
        close()
    }
}

extension OwnedDescriptor {
    /// Adds to `bytes` what is there, and nothing of what follows.
    fileprivate borrowing func read(atMost count: Int, into bytes: inout [UInt8]) throws(Errno) -> IOOutcome {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { unsafe room.deallocate() }
        let outcome = unsafe try read(into: room)
        if case .bytes(let count) = outcome { unsafe bytes.append(contentsOf: room[..<count]) }
        return outcome
    }
}

@available(*, unavailable) extension SOCKSConnection: Sendable {}
