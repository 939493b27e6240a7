public import EventLoop
import HTTP2
public import Primitives
public import System
public import TLS

/// Serves calls over TLS: methods by path, one message each way or streams of them.
public final class RPCServer {
    /// Answers a call with one message each way; the answer may be given at once or later, once.
    public typealias UnaryHandler = (RPCHead, [UInt8], _ answer: @escaping (Result<[UInt8], RPCStatus>) -> Void) -> Void

    /// Judges a call before any of its messages is taken: nil lets it in, a status is its end.
    public var admit: (RPCHead) -> RPCStatus? = { _ in nil }
    /// A connection ended: who it was, and why unless it ended in order.
    public var onConnectionClosed: (Endpoint, RPCStatus?) -> Void = { _, _ in }
    /// What new connections are served with.
    public var context: TLSContext
    /// Where it listens: with the port that was chosen when none was asked for.
    public let endpoint: Endpoint
    /// Connections turned away because too many are open.
    public private(set) var refusedConnectionCount = 0

    private var listener: RPCListener?
    private let options: RPCServerOptions
    private let loop: EventLoop
    private let buffers = RPCBuffers()
    private var registration: Registration?
    private var methods: [String: (RPCServerStream) -> Void] = [:]
    private var connections: [ObjectIdentifier: RPCServerConnection] = [:]
    private var unprovenConnectionCount = 0
    private var stopped: (() -> Void)?

    /// Listens at once. The loop keeps the server alive until `stop`.
    public init(
        on endpoint: Endpoint, context: TLSContext, options: RPCServerOptions = RPCServerOptions(), loop: EventLoop
    ) throws(Errno) {
        let listener = RPCListener(try TCPSocket.listen(on: endpoint, options: options.listen))
        (self.context, self.options, self.loop) = (context, options, loop)
        (self.listener, self.endpoint) = (listener, TCPSocket.localEndpoint(of: listener.descriptor) ?? endpoint)
        registration = try loop.register(listener.descriptor, for: .listener, handler: self)
    }

    public var connectionCount: Int { connections.count }

    var requestByteCountMax: Int { options.requestByteCountMax }

    /// Serves a path with streams. The handler sets the stream's events.
    public func serve(_ path: String, stream handler: @escaping (RPCServerStream) -> Void) { methods[path] = handler }

    /// Serves a path with one message each way.
    public func serve(_ path: String, unary handler: @escaping UnaryHandler) {
        methods[path] = { stream in
            var requests: [[UInt8]] = []
            stream.onMessage = { [weak stream] in
                requests.append($0)
                guard requests.count > 1 else { return }
                stream?.finish(RPCStatus(.unimplemented, "more than one message to a unary method"))
            }
            stream.onFinished = { [weak stream] in
                guard let stream else { return }
                guard let request = requests.first else {
                    return stream.finish(RPCStatus(.unimplemented, "no message to a unary method"))
                }
                handler(stream.head, request) { outcome in
                    switch outcome {
                    case .success(let answer):
                        stream.send(answer)
                        stream.finish()
                    case .failure(let status):
                        stream.finish(status.isOK ? RPCStatus(.internalError, "failure without a status") : status)
                    }
                }
            }
        }
    }

    /// Stops listening and lets calls finish for `grace`; `completion` runs when no connection is left.
    public func stop(grace: Duration, completion: @escaping () -> Void = {}) {
        guard stopped == nil else { return }
        pauseListening()
        listener = nil
        stopped = completion
        for connection in Array(connections.values) { connection.drain() }
        guard !connections.isEmpty else { return completion() }
        loop.after(grace) { [self] in
            for connection in Array(connections.values) { connection.close() }
        }
    }

    // MARK: What connections tell

    func connectionProven() { unprovenConnectionCount -= 1 }

    func connectionClosed(_ connection: RPCServerConnection, _ reason: RPCStatus?) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        if !connection.isProven { unprovenConnectionCount -= 1 }
        onConnectionClosed(connection.peer, reason)
        if connections.isEmpty { stopped?() }
    }

    func dispatch(_ stream: RPCServerStream) {
        guard let method = methods[stream.head.path] else {
            return stream.finish(RPCStatus(.unimplemented, "unknown method \(stream.head.path)"))
        }
        method(stream)
    }
}

extension RPCServer: EventHandler {
    /// Somebody connects.
    public func ready(_ events: ReadyEvents) {
        guard let listener else { return }
        do throws(Errno) {
            while let accepted = try TCPSocket.accept(listener.descriptor) {
                guard connections.count < options.connectionCountMax,
                    unprovenConnectionCount < options.unprovenConnectionCountMax
                else {
                    refusedConnectionCount += 1
                    continue
                }
                let peer = accepted.peer
                serve(accepted.take(), from: peer)
            }
        } catch {
            resumeLater()
        }
    }

    private func serve(_ socket: consuming OwnedDescriptor, from peer: Endpoint) {
        let connection = RPCServerConnection(peer: peer, server: self, loop: loop)
        // Without memory or a slot in epoll the socket is closed, and the peer may try again.
        guard let tls = try? TLSConnection(server: context),
            let transport = try? RPCConnection(
                isServer: true, socket: socket, tls: tls, settings: .rpcServer, timing: options.timing,
                loop: loop, buffers: buffers, owner: connection)
        else { return }
        connections[ObjectIdentifier(connection)] = connection
        unprovenConnectionCount += 1
        connection.start(transport)
    }

    private func pauseListening() {
        if let registration, let listener { loop.deregister(registration, listener.descriptor) }
        registration = nil
    }

    /// Out of descriptors: the listener stays readable, and the loop would spin.
    private func resumeLater() {
        pauseListening()
        loop.after(Limits.rpcAcceptPause) { [self] in
            guard let listener, registration == nil else { return }
            registration = try? loop.register(listener.descriptor, for: .listener, handler: self)
            if registration == nil { resumeLater() }
        }
    }
}

/// A listening socket, closed with the last reference.
private final class RPCListener {
    let descriptor: OwnedDescriptor
    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}

@available(*, unavailable) extension RPCServer: Sendable {}
