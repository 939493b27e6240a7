import EventLoop
import HTTP2
public import Primitives

/// A call of ours in which both sides may send any number of messages. Set the events before the loop turns again. It
/// lives until it has ended, and so does what its events hold.
public final class RPCStream {
    /// The response began: its head, without HTTP/2's own fields. Does not come when the call fails first.
    public var onOpened: ([HTTPField]) -> Void = { _ in }
    public var onMessage: ([UInt8]) -> Void = { _ in }
    /// What waited to be sent is nearly gone.
    public var onDrained: () -> Void = {}
    /// The call is over; comes once and last, never from within a method of the stream or the channel.
    public var onEnded: (RPCStatus, _ trailers: [HTTPField]) -> Void = { _, _ in }

    let fields: [HTTPField]
    private(set) var carrier: MessageStream?
    private weak var channel: RPCChannel?
    private var outcome: (status: RPCStatus, trailers: [HTTPField])?
    private var isReported = false
    private let loop: EventLoop

    init(fields: [HTTPField], channel: RPCChannel, messageByteCountMax: Int, loop: EventLoop) {
        self.fields = fields
        self.channel = channel
        self.loop = loop
        carrier = MessageStream(owner: self, messageByteCountMax: messageByteCountMax)
    }

    /// Queues a message. The caller minds `waitingByteCount`; at `Limits.rpcWaitingByteCountMax` the call ends.
    public func send(_ message: [UInt8]) {
        carrier?.send(message)
        guard waitingByteCount > Limits.rpcWaitingByteCountMax else { return }
        end(RPCStatus(.resourceExhausted, "the peer does not take what is sent"), resetting: .cancel)
    }

    /// Says that no more messages follow.
    public func finish() { carrier?.finish() }

    /// Ends the call at once; `onEnded` tells `cancelled`.
    public func cancel() { end(RPCStatus(.cancelled, "cancelled"), resetting: .cancel) }

    /// Bytes that wait to be sent.
    public var waitingByteCount: Int { carrier?.waitingByteCount ?? 0 }

    /// Bytes that have arrived of a message that is not whole yet.
    public var arrivingByteCount: Int { carrier?.arrivingByteCount ?? 0 }

    /// Holds messages back; the peer is stopped when a window of bytes has arrived.
    public var isPaused: Bool {
        get { carrier?.isPaused ?? false }
        set { carrier?.isPaused = newValue }
    }

    /// Ends the call with a status of our own making.
    func end(_ status: RPCStatus, resetting code: HTTP2ErrorCode? = nil, trailers: [HTTPField] = []) {
        guard outcome == nil else { return }
        outcome = (status, trailers)
        if let carrier {
            carrier.silence()
            if let code { carrier.reset(code) }
        }
        carrier = nil
        loop.after(.zero) { self.report() }
    }

    private func report() {
        guard let outcome, !isReported else { return }
        isReported = true
        let ended = onEnded
        onOpened = { _ in }
        onMessage = { _ in }
        onDrained = {}
        onEnded = { _, _ in }
        ended(outcome.status, outcome.trailers)
    }
}

extension RPCStream: MessageStreamOwner {
    func headReceived(_ fields: [HTTPField], endsStream: Bool) {
        let httpStatus = fields.text(":status") ?? ""
        let isGRPC = fields.text("content-type")?.hasPrefix("application/grpc") ?? false
        if endsStream {
            let status = RPCStatus(trailers: fields) ?? RPCStatus(httpStatus: httpStatus)
            return end(status, trailers: fields)
        }
        guard httpStatus == "200", isGRPC else { return end(RPCStatus(httpStatus: httpStatus), resetting: .cancel) }
        onOpened(fields.filter { !$0.name.hasPrefix(":") })
    }

    func messageReceived(_ message: [UInt8]) { onMessage(message) }

    func endReceived(trailers: [HTTPField]) {
        let status = RPCStatus(trailers: trailers) ?? RPCStatus(.unknown, "no status in the trailers", origin: .peer)
        // The server is done with us, and so it need not hear the rest of what we have.
        end(status, resetting: .cancel, trailers: trailers)
    }

    func drained() { onDrained() }

    func violated(_ status: RPCStatus) { end(status, resetting: .cancel) }

    func streamClosed(_ code: HTTP2ErrorCode) {
        end(channel?.lossReason ?? RPCStatus(reset: code))
    }
}

@available(*, unavailable) extension RPCStream: Sendable {}
