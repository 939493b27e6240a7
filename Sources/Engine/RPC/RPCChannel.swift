public import EventLoop
import HTTP2
public import Primitives
import System
public import TLS

/// Where calls to one server go. The first call connects; a call that finds the connection lost or draining makes a
/// new one. Nothing is retried: a call fails with the connection that it was to use. A channel with a connection lives
/// until `close`.
public final class RPCChannel {
    private enum Link {
        case none
        case lookingUp(HostLookup)
        case connecting(RPCConnection)
        case ready(RPCConnection)
    }

    public let target: RPCTarget
    private let context: TLSContext
    private let options: RPCChannelOptions
    private let loop: EventLoop
    private let buffers = RPCBuffers()
    private var link = Link.none
    /// Addresses not yet tried.
    private var candidates: [Endpoint] = []
    /// Calls that wait for the connection.
    private var waiting: [RPCStream] = []
    private var lookupTimer: TimerToken?
    private var isClosed = false
    /// Why the streams of a connection are being closed, while they are.
    private(set) var lossReason: RPCStatus?

    public init(
        target: RPCTarget, context: TLSContext, options: RPCChannelOptions = RPCChannelOptions(), loop: EventLoop
    ) {
        self.target = target
        self.context = context
        self.options = options
        self.loop = loop
    }

    /// Begins a call.
    /// - Parameters:
    ///   - metadata: fields of this call, lower case.
    ///   - deadline: the call ends after this with `deadlineExceeded`; the server is told too when `tellsDeadline`.
    public func stream(
        _ path: String, metadata: [HTTPField] = [], deadline: Duration? = nil, tellsDeadline: Bool = false
    ) -> RPCStream {
        var fields = [
            HTTPField(":method", "POST"), HTTPField(":scheme", "https"), HTTPField(":authority", target.description),
            HTTPField(":path", path),
        ]
        fields += options.extraFields
        fields.append(HTTPField("te", "trailers"))
        if let deadline, tellsDeadline { fields.append(HTTPField("grpc-timeout", RPCTimeout.encode(deadline))) }
        fields.append(HTTPField("content-type", "application/grpc"))
        fields += metadata
        let stream = RPCStream(
            fields: fields, channel: self, messageByteCountMax: options.responseByteCountMax, loop: loop)
        if let deadline {
            loop.after(deadline) { [weak stream] in
                stream?.end(RPCStatus(.deadlineExceeded, "no answer in time"), resetting: .cancel)
            }
        }
        begin(stream)
        return stream
    }

    /// A call with one message each way. `completion` is called once, never from within this method.
    /// - Returns: the call, to cancel it.
    @discardableResult
    public func unary(
        _ path: String, _ message: [UInt8], metadata: [HTTPField] = [], deadline: Duration? = nil,
        tellsDeadline: Bool = false, completion: @escaping (Result<[UInt8], RPCStatus>) -> Void
    ) -> RPCStream {
        let stream = stream(path, metadata: metadata, deadline: deadline, tellsDeadline: tellsDeadline)
        var answers: [[UInt8]] = []
        stream.onMessage = { [weak stream] in
            answers.append($0)
            guard answers.count > 1 else { return }
            stream?.end(RPCStatus(.internalError, "more than one answer to a unary call"), resetting: .cancel)
        }
        stream.onEnded = { status, _ in
            guard status.isOK else { return completion(.failure(status)) }
            guard let answer = answers.first else {
                return completion(.failure(RPCStatus(.internalError, "no answer to a unary call")))
            }
            completion(.success(answer))
        }
        stream.send(message)
        stream.finish()
        return stream
    }

    /// Takes no more calls; those under way may finish, and the connection closes in order after the last.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        let former = link
        giveUp(RPCStatus(.cancelled, "the channel is closed", origin: .connect))
        link = .none
        switch former {
        case .none, .lookingUp: break
        case .connecting(let connection), .ready(let connection): connection.drain()
        }
    }

    private func begin(_ stream: RPCStream) {
        guard !isClosed else {
            return stream.end(RPCStatus(.unavailable, "the channel is closed", origin: .connect))
        }
        if case .ready(let connection) = link, connection.isOpen { return open(stream, on: connection) }
        waiting.append(stream)
        if case .ready = link { link = .none }
        guard case .none = link else { return }
        lookUp()
    }

    private func open(_ stream: RPCStream, on connection: RPCConnection) {
        // Gone when the call ended while it waited.
        guard let carrier = stream.carrier else { return }
        do {
            try connection.open(carrier, fields: stream.fields)
        } catch {
            stream.end(error)
        }
    }
}

// MARK: - Connecting

extension RPCChannel: RPCConnectionOwner {
    private func lookUp() {
        switch target {
        case .endpoint(let endpoint):
            candidates = [endpoint]
            connectNext(RPCStatus(.unavailable, "no address", origin: .connect))
        case .host(let name, let port):
            let lookup = HostLookup(name, loop: loop) { [weak self] in self?.lookedUp($0, port) }
            link = .lookingUp(lookup)
            lookupTimer = loop.after(options.timing.connect) { [weak self] in
                self?.giveUp(RPCStatus(.unavailable, "the lookup of \(name) timed out", origin: .connect))
            }
        }
    }

    private func lookedUp(_ outcome: Result<[IPAddress], RPCStatus>, _ port: UInt16) {
        switch outcome {
        case .failure(let status): giveUp(status)
        case .success(let addresses):
            stopLookup()
            candidates = addresses.map { Endpoint($0, port: port) }
            connectNext(RPCStatus(.unavailable, "no address", origin: .connect))
        }
    }

    private func stopLookup() {
        if let lookupTimer { loop.cancel(lookupTimer) }
        lookupTimer = nil
        guard case .lookingUp(let lookup) = link else { return }
        lookup.cancel()
        link = .none
    }

    private func connectNext(_ previous: RPCStatus) {
        var reason = previous
        while !candidates.isEmpty {
            let endpoint = candidates.removeFirst()
            do {
                link = .connecting(try connect(to: endpoint))
                return
            } catch {
                reason = error
            }
        }
        giveUp(reason)
    }

    private func connect(to endpoint: Endpoint) throws(RPCStatus) -> RPCConnection {
        var connectOptions = TCPSocket.ConnectOptions()
        connectOptions.keepAlive = options.tcpKeepAlive
        let tls: TLSConnection
        do {
            tls = try TLSConnection(
                client: context, serverName: options.serverName ?? target.hostName,
                alternatives: options.alternativeNames)
        } catch {
            throw RPCStatus(.internalError, "TLS: \(error)", origin: .connect)
        }
        do throws(Errno) {
            let socket = try TCPSocket.connect(to: endpoint, options: connectOptions)
            return try RPCConnection(
                isServer: false, socket: socket, tls: tls, settings: .rpcClient, timing: options.timing,
                loop: loop, buffers: buffers, owner: self)
        } catch {
            throw RPCStatus(.unavailable, "\(endpoint): \(error)", origin: .connect)
        }
    }

    /// No connection came about: all calls that waited for it fail.
    private func giveUp(_ status: RPCStatus) {
        stopLookup()
        candidates = []
        let failed = waiting
        waiting = []
        for stream in failed { stream.end(status) }
    }

    func connectionReady(_ connection: RPCConnection) {
        guard case .connecting(let current) = link, current === connection else { return }
        link = .ready(connection)
        candidates = []
        let ready = waiting
        waiting = []
        for stream in ready { open(stream, on: connection) }
    }

    func connectionDraining(_ connection: RPCConnection) {
        if case .ready(let current) = link, current === connection { link = .none }
    }

    func connectionAccepts(_ connection: RPCConnection) -> HTTP2Stream? { nil }

    func connectionWillClose(_ connection: RPCConnection, _ reason: RPCStatus?) { lossReason = reason }

    func connectionClosed(_ connection: RPCConnection, _ reason: RPCStatus?) {
        lossReason = nil
        switch link {
        case .connecting(let current) where current === connection:
            link = .none
            let status = reason ?? RPCStatus(.unavailable, "closed by the peer", origin: .connect)
            if connection.hasConnected { giveUp(status) } else { connectNext(status) }
        case .ready(let current) where current === connection:
            link = .none
        case .none, .lookingUp, .connecting, .ready: break
        }
    }
}

extension HTTP2Settings {
    /// What ztunnel says to the control plane.
    static let rpcClient = HTTP2Settings(
        streamWindowByteCount: 2 << 20, connectionWindowByteCount: 5 << 20, frameByteCountMax: 16384,
        fieldListByteCountMax: 16384, streamCountMax: 0)

    /// What we say as the control plane.
    static let rpcServer = HTTP2Settings(
        streamWindowByteCount: 1 << 20, connectionWindowByteCount: 4 << 20, frameByteCountMax: 16384,
        fieldListByteCountMax: 65536, streamCountMax: Limits.rpcServerStreamCountMax)
}

@available(*, unavailable) extension RPCChannel: Sendable {}
