import EventLoop
import HTTP2
public import Primitives

/// A call made to us in which both sides may send any number of messages. Set the events in the handler that is given
/// it.
public final class RPCServerStream {
    public private(set) var head: RPCHead
    public var onMessage: ([UInt8]) -> Void = { _ in }
    /// The caller sends no more messages.
    public var onFinished: () -> Void = {}
    /// What waited to be sent is nearly gone.
    public var onDrained: () -> Void = {}
    /// The call is over: with our status, or with why it was lost. Called once and last.
    public var onEnded: (RPCStatus) -> Void = { _ in }

    private let connection: RPCServerConnection
    private let loop: EventLoop
    private var carrier: MessageStream?
    private var hasResponded = false
    private var status: RPCStatus?
    private var deadline: TimerToken?

    init(on connection: RPCServerConnection, loop: EventLoop, messageByteCountMax: Int) {
        self.connection = connection
        self.loop = loop
        head = RPCHead(path: "", metadata: [], peer: connection.peer, peerIdentity: nil, timeout: nil)
        carrier = MessageStream(owner: self, messageByteCountMax: messageByteCountMax)
        // The rest of a request that was answered is of no use.
        carrier?.partingCode = .noError
    }

    /// What the session is to carry.
    var transport: MessageStream? { carrier }

    /// Queues a message. The caller minds `waitingByteCount`; at `Limits.rpcWaitingByteCountMax` the call ends.
    public func send(_ message: [UInt8]) {
        guard status == nil, let carrier else { return }
        guard waitingByteCount <= Limits.rpcWaitingByteCountMax else {
            return finish(RPCStatus(.resourceExhausted, "the caller does not take what is sent"))
        }
        respond()
        carrier.send(message)
    }

    /// Ends the call after what was sent.
    public func finish(_ status: RPCStatus = .ok, trailers: [HTTPField] = []) {
        guard self.status == nil, let carrier else { return }
        self.status = status
        cancelDeadline()
        if hasResponded {
            carrier.finish(trailers: status.trailers + trailers)
        } else {
            connection.respond(on: carrier, fields: Self.responseHead + status.trailers + trailers, endsStream: true)
        }
        // Frees what the caller still sends.
        carrier.isPaused = false
    }

    /// Bytes that wait to be sent.
    public var waitingByteCount: Int { carrier?.waitingByteCount ?? 0 }

    /// Holds messages back; the caller is stopped when a window of bytes has arrived.
    public var isPaused: Bool {
        get { carrier?.isPaused ?? false }
        set { carrier?.isPaused = newValue }
    }

    private func respond() {
        guard !hasResponded, let carrier else { return }
        hasResponded = true
        connection.respond(on: carrier, fields: Self.responseHead, endsStream: false)
    }

    private func cancelDeadline() {
        if let deadline { loop.cancel(deadline) }
        deadline = nil
    }

    private static let responseHead = [HTTPField(":status", "200"), HTTPField("content-type", "application/grpc")]
}

extension RPCServerStream: MessageStreamOwner {
    func headReceived(_ fields: [HTTPField], endsStream: Bool) {
        let timeout = fields.text("grpc-timeout").flatMap { RPCTimeout.parse($0) }
        head = RPCHead(
            path: fields.text(":path") ?? "", metadata: fields.filter { !$0.name.hasPrefix(":") },
            peer: connection.peer,
            peerIdentity: connection.peerIdentity, timeout: timeout)
        guard fields.text(":method") == "POST",
            fields.text("content-type")?.hasPrefix("application/grpc") ?? false
        else {
            status = RPCStatus(.invalidArgument, "not a call of gRPC")
            guard let carrier else { return }
            return connection.respond(on: carrier, fields: [HTTPField(":status", "415")], endsStream: true)
        }
        if let timeout {
            deadline = loop.after(timeout) { [weak self] in self?.finish(RPCStatus(.deadlineExceeded, "out of time")) }
        }
        connection.began(self)
    }

    func messageReceived(_ message: [UInt8]) { if status == nil { onMessage(message) } }

    func endReceived(trailers: [HTTPField]) { if status == nil { onFinished() } }

    func drained() { if status == nil { onDrained() } }

    func violated(_ status: RPCStatus) { finish(status) }

    func streamClosed(_ code: HTTP2ErrorCode) {
        cancelDeadline()
        carrier = nil
        let ended = onEnded
        onMessage = { _ in }
        onFinished = {}
        onDrained = {}
        onEnded = { _ in }
        let status = status ?? RPCStatus(reset: code)
        self.status = status
        ended(status)
    }
}

@available(*, unavailable) extension RPCServerStream: Sendable {}
