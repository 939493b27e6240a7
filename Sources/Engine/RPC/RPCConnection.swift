import EventLoop
import HTTP2
import Identity
import Primitives
import System
import TLS

/// What the owner of a connection hears of it.
protocol RPCConnectionOwner: AnyObject {
    /// Streams can be opened.
    func connectionReady(_ connection: RPCConnection)
    /// The connection takes no new streams.
    func connectionDraining(_ connection: RPCConnection)
    /// Server: somebody calls.
    func connectionAccepts(_ connection: RPCConnection) -> HTTP2Stream?
    /// The streams are told next that the connection is gone.
    func connectionWillClose(_ connection: RPCConnection, _ reason: RPCStatus?)
    /// The connection is gone; every stream of it was told.
    func connectionClosed(_ connection: RPCConnection, _ reason: RPCStatus?)
}

/// One TLS connection that carries calls: a connected socket, a TLS machine and an HTTP/2 machine, driven by the loop.
final class RPCConnection {
    private enum Phase { case connecting, handshaking, open, closed }
    private enum Timer {
        static let deadline = 0
        static let keepAlive = 1
        static let pong = 2
    }

    let isServer: Bool
    private let loop: EventLoop
    private let buffers: RPCBuffers
    private let socket: OwnedDescriptor
    private let tls: TLSConnection
    private let settings: HTTP2Settings
    private let timing: RPCTiming
    private var owner: (any RPCConnectionOwner)?
    private var session: HTTP2Session?
    private var registration: Registration?
    private var phase: Phase
    /// The TCP connection came about.
    private(set) var hasConnected: Bool
    private var outgoing = ByteQueue()
    private var isBlocked = false
    private var isFlushRequested = false
    private var isResumeRequested = false
    private var isDraining = false
    private var timer: TimerToken?
    private var drainPing: UInt64?

    /// Takes over a socket: an accepted one, or for a client one that is still connecting.
    init(
        isServer: Bool, socket: consuming OwnedDescriptor, tls: TLSConnection, settings: HTTP2Settings,
        timing: RPCTiming, loop: EventLoop, buffers: RPCBuffers, owner: any RPCConnectionOwner
    ) throws(Errno) {
        (self.isServer, self.tls, self.settings, self.timing) = (isServer, tls, settings, timing)
        (self.loop, self.buffers, self.owner) = (loop, buffers, owner)
        self.socket = socket
        phase = isServer ? .handshaking : .connecting
        hasConnected = isServer
        registration = try loop.register(self.socket, handler: self)
        restart(isServer ? timing.handshake : timing.connect, Timer.deadline)
    }

    var isOpen: Bool { phase == .open && !isDraining }

    var openStreamCount: Int { session?.openStreamCount ?? 0 }

    var peerIdentity: SPIFFEID? { tls.peerIdentity }

    var localEndpoint: Endpoint? { TCPSocket.localEndpoint(of: socket) }

    // MARK: Streams

    func open(_ stream: MessageStream, fields: [HTTPField]) throws(RPCStatus) {
        guard isOpen, let session else { throw RPCStatus(.unavailable, "connection closed", origin: .transport) }
        stream.attach(to: self)
        do {
            try session.open(stream, fields: fields)
        } catch {
            throw RPCStatus(.unavailable, "no stream: \(error)", origin: .transport)
        }
        requestFlush()
    }

    /// The stream's response head, which ends the stream if so told.
    func respond(on stream: MessageStream, fields: [HTTPField], endsStream: Bool) {
        // Fails only when the stream is gone already.
        if endsStream {
            try? session?.refuse(stream, fields: fields)
        } else {
            try? session?.respond(on: stream, fields: fields)
        }
        requestFlush()
    }

    func resume(_ stream: MessageStream) {
        session?.resume(stream)
        requestFlush()
    }

    func consume(_ byteCount: Int, of stream: MessageStream) {
        session?.consume(byteCount, of: stream)
        requestFlush()
    }

    func reset(_ stream: MessageStream, _ code: HTTP2ErrorCode) {
        session?.reset(stream, code)
        requestFlush()
    }

    // MARK: Ends

    /// Takes no new streams, lets those that are open finish, and closes in order after the last.
    func drain() {
        guard !isDraining, phase != .closed else { return }
        isDraining = true
        guard phase == .open, let session else { return close(nil) }
        if isServer {
            session.announceShutdown()
            let payload = Entropy.uint64()
            drainPing = payload
            session.ping(payload)
        } else {
            session.goAway()
        }
        requestFlush()
    }

    /// Ends the connection at once. Without a reason it ends in order (close_notify).
    func close(_ reason: RPCStatus?) {
        guard phase != .closed else { return }
        phase = .closed
        if reason == nil { tls.close(ciphertext: &outgoing) }
        // An alert or close_notify leaves if there is room; nobody waits for it.
        if !outgoing.isEmpty { _ = try? unsafe socket.write(outgoing.readable) }
        outgoing.release()
        if let timer { loop.cancel(timer) }
        if let registration { loop.deregister(registration, socket) }
        registration = nil
        TCPSocket.shutdownBoth(of: socket)
        let owner = owner
        self.owner = nil
        owner?.connectionWillClose(self, reason)
        session?.abandon(.cancel)
        owner?.connectionClosed(self, reason)
    }

    private func lose(_ message: String) {
        close(RPCStatus(.unavailable, message, origin: phase == .open ? .transport : .connect))
    }
}

// MARK: - Bytes in

extension RPCConnection: EventHandler, ResumeHandler {
    func ready(_ events: ReadyEvents) {
        if phase == .connecting, !connected(events) { return }
        if events.contains(.writable), isBlocked {
            isBlocked = false
            requestFlush()
        }
        if events.contains(.readable) || events.contains(.hangUp) { receive() }
    }

    func resume() {
        isResumeRequested = false
        receive()
    }

    private func connected(_ events: ReadyEvents) -> Bool {
        guard events.contains(.writable) else { return false }
        if let failure = TCPSocket.pendingError(of: socket) {
            lose("\(failure)")
            return false
        }
        hasConnected = true
        phase = .handshaking
        restart(timing.handshake, Timer.deadline)
        do {
            try tls.start(ciphertext: &outgoing)
        } catch {
            lose("TLS: \(error)")
            return false
        }
        requestFlush()
        return true
    }

    private func receive() {
        var share = Limits.rpcTurnByteCountMax
        while phase != .closed {
            guard share > 0 else {
                if !isResumeRequested {
                    isResumeRequested = true
                    loop.requestResume(self)
                }
                return
            }
            do throws(Errno) {
                switch try unsafe socket.read(into: buffers.received) {
                case .bytes(let count):
                    share -= count
                    unsafe take(UnsafeRawBufferPointer(rebasing: buffers.received[..<count]))
                case .wouldBlock: return
                case .endOfStream: return peerClosed()
                }
            } catch {
                return lose("\(error)")
            }
        }
    }

    private func take(_ ciphertext: UnsafeRawBufferPointer) {
        buffers.plaintext.reset()
        var refusal: TLSFailure?
        do {
            try unsafe tls.receive(ciphertext, plaintext: &buffers.plaintext, ciphertext: &outgoing)
        } catch {
            refusal = error
        }
        if phase == .handshaking, refusal == nil, tls.isEstablished { established() }
        if phase == .open, !buffers.plaintext.isEmpty, let session {
            do {
                try unsafe session.receive(buffers.plaintext.readable, at: loop.now)
            } catch {
                flush()
                return lose("HTTP/2: \(error.reason)")
            }
        }
        guard phase != .closed else { return }
        if let refusal { return lose("TLS: \(refusal)") }
        if tls.peerClosed { return peerClosed() }
        requestFlush()
    }

    private func peerClosed() {
        if phase == .open, openStreamCount == 0 { close(nil) } else { lose("closed by the peer") }
    }

    private func established() {
        do {
            session = try HTTP2Session(role: isServer ? .server : .client, settings: settings, delegate: self)
        } catch {
            return lose("HTTP/2: \(error.reason)")
        }
        phase = .open
        restart(timing.keepAliveInterval, Timer.keepAlive)
        owner?.connectionReady(self)
    }
}

// MARK: - Bytes out

extension RPCConnection: HTTP2SessionDelegate {
    private func requestFlush() {
        guard !isFlushRequested, let registration else { return }
        isFlushRequested = true
        loop.requestFlush(registration)
    }

    func flush() {
        isFlushRequested = false
        guard phase != .connecting else { return }
        while phase != .closed, !isBlocked {
            guard gather() else { return }
            guard !outgoing.isEmpty else { break }
            write()
        }
        if let session, session.isFinished { close(nil) }
    }

    /// Encrypts what there is to send, up to as much as is written at once.
    /// - Returns: false when the connection is lost.
    private func gather() -> Bool {
        while let session, session.wantsWrite, outgoing.count < Limits.rpcOutgoingByteCountMax {
            let count: Int
            do {
                count = try unsafe session.produce(into: buffers.frames)
            } catch {
                lose("HTTP/2: \(error.reason)")
                return false
            }
            guard count > 0 else { break }
            do {
                try unsafe tls.send(UnsafeRawBufferPointer(rebasing: buffers.frames[..<count]), ciphertext: &outgoing)
            } catch {
                lose("TLS: \(error)")
                return false
            }
        }
        return true
    }

    private func write() {
        do throws(Errno) {
            switch try unsafe socket.write(outgoing.readable) {
            case .bytes(let count): outgoing.consume(count)
            case .wouldBlock, .endOfStream: isBlocked = true
            }
        } catch {
            lose("\(error)")
        }
    }
}

// MARK: - Events

extension RPCConnection: TimerHandler {
    func acceptStream() -> HTTP2Stream? { owner?.connectionAccepts(self) }

    func goAwayReceived(lastStream: Int32, code: HTTP2ErrorCode) {
        guard !isDraining else { return }
        isDraining = true
        owner?.connectionDraining(self)
        // The connection is finished once we said so too and no stream is left.
        session?.goAway()
    }

    func pingAcknowledged(_ payload: UInt64) {
        if payload == drainPing {
            drainPing = nil
            session?.goAway()
        } else {
            restart(timing.keepAliveInterval, Timer.keepAlive)
        }
    }

    func timerFired(_ kind: Int) {
        timer = nil
        switch kind {
        case Timer.deadline: lose(hasConnected ? "the TLS handshake timed out" : "the connection timed out")
        case Timer.keepAlive:
            // Servers of gRPC take pings without calls for an abuse; the next call finds out soon enough.
            guard isServer || openStreamCount > 0 else { return restart(timing.keepAliveInterval, Timer.keepAlive) }
            session?.ping(Entropy.uint64())
            restart(timing.keepAliveTimeout, Timer.pong)
            requestFlush()
        default: lose("the peer does not answer pings")
        }
    }

    private func restart(_ span: Duration, _ kind: Int) {
        if let timer { loop.cancel(timer) }
        timer = loop.schedule(after: span, kind: kind, handler: self)
    }
}

@available(*, unavailable) extension RPCConnection: Sendable {}
