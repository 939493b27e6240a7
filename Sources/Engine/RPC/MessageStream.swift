import HTTP2
import Primitives

/// Who makes sense of a stream's messages.
protocol MessageStreamOwner: AnyObject {
    func headReceived(_ fields: [HTTPField], endsStream: Bool)
    func messageReceived(_ message: [UInt8])
    /// The peer has sent its last message.
    func endReceived(trailers: [HTTPField])
    /// Few bytes wait to be sent, after many did.
    func drained()
    /// The peer broke the framing or a limit; nothing more is handed over.
    func violated(_ status: RPCStatus)
    /// Called once, and last.
    func streamClosed(_ code: HTTP2ErrorCode)
}

/// An HTTP/2 stream that carries messages. What arrives while the owner pauses is held, unparsed and without credit
/// for the peer, so that at most one message and one window of bytes are held.
final class MessageStream: HTTP2Stream {
    private enum Ending {
        case none
        case end
        case trailers([HTTPField])
    }

    private var owner: (any MessageStreamOwner)?
    private var connection: RPCConnection?
    private var incoming: MessageAssembly
    private var uncreditedByteCount = 0
    private var hasPeerEnded = false
    private var isEndReported = false
    private var hasSentEnd = false
    private var trailers: [HTTPField] = []
    private var isPumping = false
    /// The peer broke the framing: what it still sends is of no use, but the owner is told of the end.
    private var hasViolated = false
    private var outgoing = ByteQueue()
    private var ending = Ending.none
    private var isFull = false
    /// Holds messages back.
    var isPaused = false {
        didSet { if !isPaused { pump() } }
    }

    init(owner: any MessageStreamOwner, messageByteCountMax: Int) {
        self.owner = owner
        incoming = MessageAssembly(byteCountMax: messageByteCountMax)
    }

    /// Bytes that wait to be sent.
    var waitingByteCount: Int { outgoing.count }

    /// Bytes that have arrived and were not handed over.
    var arrivingByteCount: Int { incoming.byteCount }

    /// The connection that carries the stream is known.
    func attach(to connection: RPCConnection) { self.connection = connection }

    // MARK: Out

    func send(_ message: [UInt8]) {
        guard owner != nil, case .none = ending else { return }
        MessageFraming.append(message, to: &outgoing)
        if outgoing.count >= Limits.rpcDrainedByteCount { isFull = true }
        connection?.resume(self)
    }

    func finish() {
        guard case .none = ending else { return }
        ending = .end
        connection?.resume(self)
    }

    func finish(trailers: [HTTPField]) {
        guard case .none = ending else { return }
        ending = .trailers(trailers)
        connection?.resume(self)
    }

    /// Ends what has not ended by itself.
    func reset(_ code: HTTP2ErrorCode) {
        guard !(hasPeerEnded && hasSentEnd) else { return }
        connection?.reset(self, code)
    }

    /// Parts with the owner, who hears no more.
    func silence() {
        owner = nil
        incoming.release()
    }

    override func read(into room: UnsafeMutableRawBufferPointer) -> HTTP2ReadResult {
        let count = min(room.count, outgoing.count)
        unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: outgoing.readable[..<count]))
        outgoing.consume(count)
        if isFull, outgoing.count < Limits.rpcDrainedByteCount {
            isFull = false
            owner?.drained()
        }
        guard outgoing.isEmpty else { return .bytes(count) }
        switch ending {
        case .none:
            return count > 0 ? .bytes(count) : .deferred
        case .end:
            hasSentEnd = true
            return .end(count)
        case .trailers(let fields):
            hasSentEnd = true
            return .trailers(count, fields)
        }
    }

    // MARK: In

    override func received(head: [HTTPField], endsStream: Bool) { owner?.headReceived(head, endsStream: endsStream) }

    override func received(_ bytes: UnsafeRawBufferPointer) {
        uncreditedByteCount += bytes.count
        if owner != nil, !hasViolated { unsafe incoming.append(bytes) }
        pump()
    }

    override func received(trailers: [HTTPField]) { self.trailers = trailers }

    override func receivedEnd() {
        hasPeerEnded = true
        pump()
    }

    override func closed(_ code: HTTP2ErrorCode) {
        isPaused = false
        owner?.streamClosed(code)
        silence()
        outgoing.release()
        connection = nil
    }

    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        while !isPaused, !hasViolated, let owner {
            do {
                guard let message = try incoming.next() else { break }
                owner.messageReceived(message)
            } catch {
                violate(error)
            }
        }
        guard !isPaused else { return }
        if uncreditedByteCount > 0 {
            connection?.consume(uncreditedByteCount, of: self)
            uncreditedByteCount = 0
        }
        guard hasPeerEnded, !isEndReported, !hasViolated, let owner else { return }
        isEndReported = true
        if incoming.isEmpty {
            owner.endReceived(trailers: trailers)
        } else {
            violate(RPCStatus(.internalError, "the last message is cut short"))
        }
    }

    private func violate(_ status: RPCStatus) {
        hasViolated = true
        incoming.release()
        owner?.violated(status)
    }
}
