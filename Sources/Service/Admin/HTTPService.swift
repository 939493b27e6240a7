public import EventLoop
public import HTTP1
public import Primitives
public import System

/// A small server of HTTP/1.1 on a loop: routes by path, answers in memory.
public final class HTTPService {
    /// Answers a request, at once or later, once.
    public typealias Handler = (HTTPRequest, _ answer: @escaping (HTTPResponse) -> Void) -> Void

    /// Where it listens: with the port that was chosen when none was asked for.
    public let endpoint: Endpoint
    /// Connections closed unserved because too many were open.
    public private(set) var refusedConnectionCount = 0

    private let loop: EventLoop
    private let connectionCountMax: Int
    private var listener: Listener?
    private var registration: Registration?
    private var routes: [String: Handler] = [:]
    private var connections: [ObjectIdentifier: HTTPServiceConnection] = [:]

    /// Listens at once. The loop keeps the service alive until `stop`.
    public init(
        on endpoint: Endpoint, connectionCountMax: Int = Limits.http1ConnectionCountMax, loop: EventLoop
    ) throws(Errno) {
        var options = TCPSocket.ListenOptions()
        options.reuseAddress = true
        let listener = Listener(try TCPSocket.listen(on: endpoint, options: options))
        (self.loop, self.connectionCountMax, self.listener) = (loop, connectionCountMax, listener)
        self.endpoint = TCPSocket.localEndpoint(of: listener.descriptor) ?? endpoint
        registration = try loop.register(listener.descriptor, for: .listener, handler: self)
    }

    public var connectionCount: Int { connections.count }

    /// Serves a path with answers that take their time.
    public func serve(_ path: String, handler: @escaping Handler) { routes[path] = handler }

    /// Serves a path.
    public func serve(_ path: String, _ respond: @escaping (HTTPRequest) -> HTTPResponse) {
        routes[path] = { request, answer in answer(respond(request)) }
    }

    /// Stops listening. Requests under way are answered; idle connections end at once.
    public func stop() {
        pauseListening()
        listener = nil
        for connection in Array(connections.values) { connection.drain() }
    }

    func respond(to request: HTTPRequest, answer: @escaping (HTTPResponse) -> Void) {
        guard let handler = routes[request.path] else { return answer(HTTPResponse(404)) }
        handler(request, answer)
    }

    func connectionClosed(_ connection: HTTPServiceConnection) {
        connections.removeValue(forKey: ObjectIdentifier(connection))
    }
}

extension HTTPService: EventHandler {
    /// Somebody connects.
    public func ready(_ events: ReadyEvents) {
        guard let listener else { return }
        do throws(Errno) {
            while let accepted = try TCPSocket.accept(listener.descriptor) {
                guard connections.count < connectionCountMax else {
                    refusedConnectionCount += 1
                    continue
                }
                let connection = HTTPServiceConnection(accepted.take(), service: self, loop: loop)
                connections[ObjectIdentifier(connection)] = connection
                connection.start()
            }
        } catch {
            resumeLater()
        }
    }

    private func pauseListening() {
        if let registration, let listener { loop.deregister(registration, listener.descriptor) }
        registration = nil
    }

    /// Out of descriptors: the listener stays readable, and the loop would spin.
    private func resumeLater() {
        pauseListening()
        loop.after(Limits.http1AcceptPause) { [self] in
            guard let listener, registration == nil else { return }
            registration = try? loop.register(listener.descriptor, for: .listener, handler: self)
            if registration == nil { resumeLater() }
        }
    }
}

/// A listening socket, closed with the last reference.
private final class Listener {
    let descriptor: OwnedDescriptor
    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}

@available(*, unavailable) extension HTTPService: Sendable {}
