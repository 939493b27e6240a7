public import EventLoop
public import HTTP2
public import Primitives
public import System

/// One CONNECT stream of a tunnel, joined with one socket: the relay between the two. Bytes go from the socket to the
/// peer when the session asks for them, and from the peer straight to the socket; only what the socket does not take
/// is kept, within the stream's window, and credit for it is given back when it has left.
public final class TunnelStream: HTTP2Stream {
    private enum Phase: Equatable {
        /// Client: the request is under way. Server: it waits for our decision.
        case requesting
        /// Server: the socket is connecting, or connected and not accepted yet.
        case connecting
        case relaying
        case ended
    }

    let loop: EventLoop
    private var owner: (any TunnelStreamOwner)?
    /// Tells every stream that it is closed before it goes.
    private(set) var tunnel: Borrowed<TunnelConnection>?
    /// Those of the worker; the stream may outlive its tunnel.
    private(set) var buffers: RelayBuffers?
    var socket: SocketEnd?
    /// Client: how much longer the request may wait, in looks at its tunnel.
    private var looksLeft = Int(Limits.connectResponseDuration / Limits.connectLookDuration)
    private var phase = Phase.requesting
    private let isServer: Bool
    /// Whether it moves anything.
    var silence: SilenceWatch
    /// Bytes that arrived before there was a socket to take them.
    private var early = ByteQueue()
    private var hasPeerEnded = false
    private var isDeferred = false
    /// Client: its application is gone, and it ends with the answer.
    private var isDeserted = false
    private var timer: TimerToken?
    private var cause: RelayCause?
    var window: StreamWindow
    /// What waits for the application goes on in the loop's next turn.
    var isResumeRequested = false
    /// Among those to which a batch of small frames is delivered at its end.
    var isHeld = false
    /// Where the budget keeps a stream whose window has grown.
    var growthSlot: Int?
    /// Bytes that wait for the application, the memory that holds them, and since when it has taken none of them.
    var waitingByteCount = 0
    var heldByteCount = 0
    var waitingSince: Instant
    /// What waits for it though the peer is done with the stream, and whose budget it counts against.
    var lingering: (byteCount: Int, heldByteCount: Int, node: NodeReceiveBudget)?
    public private(set) var bytesFromSocket: UInt64 = 0
    public private(set) var bytesToSocket: UInt64 = 0

    /// Client: a stream for a socket just accepted. It is read once the peer has answered 200.
    public init(
        relaying socket: consuming OwnedDescriptor, loop: EventLoop, owner: any TunnelStreamOwner,
        silence: SilenceBounds = SilenceBounds()
    ) throws(Errno) {
        self.loop = loop
        self.silence = SilenceWatch(silence)
        self.owner = owner
        isServer = false
        window = StreamWindow(0, at: loop.now)
        waitingSince = loop.now
        super.init()
        self.socket = try SocketEnd(socket, on: loop, handler: self)
    }

    /// Server: a stream that a peer opens.
    init(accepting loop: EventLoop) {
        self.loop = loop
        silence = SilenceWatch(SilenceBounds())
        isServer = true
        window = StreamWindow(0, at: loop.now)
        waitingSince = loop.now
    }

    func opened(on tunnel: TunnelConnection) {
        self.tunnel = Borrowed(tunnel)
        buffers = tunnel.buffers
        window = StreamWindow(Int(tunnel.settings.streamWindowByteCount), at: loop.now)
        if !isServer { restart(Limits.connectLookDuration) }
    }

    /// Server: nobody has decided about it, and it has not ended.
    public var awaitsDecision: Bool { isOpen && phase == .requesting }

    // MARK: What the owner decides

    /// Server: sets who is told, and how long the stream may be silent; to be called within `tunnelRequested`.
    public func adopt(by owner: any TunnelStreamOwner, silence: SilenceBounds = SilenceBounds()) {
        self.owner = owner
        self.silence = SilenceWatch(silence)
    }

    /// Server: joins the stream with a socket that is still connecting. A stream that has ended meanwhile resets it.
    public func connect(_ socket: consuming OwnedDescriptor) throws(Errno) {
        precondition(isServer && self.socket == nil)
        guard phase == .requesting else { return TCPSocket.resetOnClose(socket) }
        self.socket = try SocketEnd(socket, on: loop, handler: self)
        phase = .connecting
        restart(Limits.connectDuration)
    }

    /// Server: answers the request with these fields, `:status` first, and starts the relay; `prefix` goes to the
    /// socket before the peer's first byte.
    public func accept(_ fields: [HTTPField], prefix: [UInt8] = []) {
        guard phase == .connecting else { return }
        guard tunnel?.with({ $0.respond(on: self, fields: fields) }) ?? false else {
            return end(.tunnelLost("the stream was closed before it was answered"))
        }
        do throws(Errno) {
            try socket?.prepend(prefix)
        } catch {
            return socketFailed(error)
        }
        relay()
    }

    /// Server: answers the request with these fields, `:status` first, and ends the stream.
    public func refuse(_ fields: [HTTPField]) {
        guard phase == .requesting || phase == .connecting else { return }
        tunnel?.with { $0.refuse(self, fields: fields) }
        end(cause ?? .aborted("refused"))
    }

    /// Resets the stream and the socket, so that both ends know that something is missing.
    public func abort(_ reason: String, _ code: HTTP2ErrorCode = .cancel) {
        tunnel?.with { $0.reset(self, code) }
        end(.aborted(reason))
    }

    /// Client, before the answer: the application is gone. Where too many requests were withdrawn, it is awaited still.
    public func giveUp() {
        guard phase == .requesting, !isDeserted else { return }
        isDeserted = hasHeadLeft && !(tunnel?.with { $0.mayWithdraw() } ?? true)
        guard isDeserted else { return withdraw() }
        socket.take()?.reset(on: loop)
    }

    private func withdraw(_ code: HTTP2ErrorCode = .cancel) {
        tunnel?.with { $0.reset(self, code) }
        end(.socketFailed(.connectionReset))
    }

    // MARK: What the session calls

    override public func received(head: [HTTPField], endsStream: Bool) {
        if isServer {
            tunnel?.with { $0.requested(self, head: head) }
            return
        }
        guard phase == .requesting else { return }
        guard !isDeserted else { return withdraw(.connectError) }
        let status = head.first(named: ":status").flatMap { Int(String(decoding: $0.bytes, as: UTF8.self)) } ?? 0
        if status == 200 { relay() }
        owner?.streamAnswered(self, status: status, fields: head)
        guard status != 200, phase != .ended else { return }
        tunnel?.with { $0.reset(self, .cancel) }
        end(.aborted("the peer answered \(status)"))
    }

    override public func received(_ bytes: UnsafeRawBufferPointer) {
        switch phase {
        case .relaying:
            // Where older bytes wait, it only joins them.
            if bytes.count < Limits.heldPieceByteCountMax, isHeld || pendingByteCount == 0,
                tunnel?.with({ $0.holds(self) }) ?? false
            {
                unsafe socket?.hold(bytes)
                break
            }
            do throws(Errno) {
                let count = try unsafe socket?.offer(bytes) ?? 0
                delivered(count)
            } catch {
                socketFailed(error)
            }
        case .requesting, .connecting: unsafe early.append(bytes)
        case .ended: return
        }
        noteWaiting()
    }

    private func noteWaiting() {
        countWaiting(
            pendingByteCount + early.count, heldIn: (socket?.heldByteCount ?? 0) + early.capacity)
    }

    override public func receivedEnd() {
        hasPeerEnded = true
        guard phase == .relaying, !hasEndLeft else { return }
        socket?.finish()
        directionEnded()
    }

    override public func read(into room: UnsafeMutableRawBufferPointer) -> HTTP2ReadResult {
        guard phase == .relaying else {
            isDeferred = true
            return .deferred
        }
        do throws(Errno) {
            switch try unsafe socket?.read(into: room) ?? .wouldBlock {
            case .bytes(let count):
                bytesFromSocket &+= UInt64(count)
                return .bytes(count)
            case .wouldBlock:
                isDeferred = true
                return .deferred
            case .endOfStream:
                directionEnded()
                return .end(0)
            }
        } catch {
            socketFailed(error, resets: false)
            return .reset(.connectError)
        }
    }

    override public func closed(_ code: HTTP2ErrorCode) {
        let lost = tunnel?.with { $0.failure }.map(RelayCause.init)
        let ended = tunnel
        let budget = tunnel?.with { $0.budget }
        let (waiting, held) = (waitingByteCount, heldByteCount)
        countWaiting(0, heldIn: 0)
        restoreWindow()
        tunnel = nil
        defer { ended?.with { $0.streamEnded() } }
        guard phase != .ended else { return }
        if let lost { return end(lost) }
        guard code == .noError, phase == .relaying else {
            let isUntaken = code == .refusedStream && !isServer && !isResetByPeer
            return end(isUntaken ? .tunnelLost("the peer went away before it took the stream") : .streamReset(code))
        }
        // In order, or the peer wants no more of ours: what it sent is delivered first.
        hasPeerEnded = true
        if socket?.isSpent ?? true { return end(.completed) }
        socket?.finish()
        directionEnded()
        guard let budget, !(socket?.hasFinished ?? true) else { return end(.completed) }
        if !linger(waiting, heldIn: held, budget) {
            end(.aborted("too many bytes wait for applications that do not read"))
        }
    }
}

// MARK: - The socket

extension TunnelStream: EventHandler, TimerHandler {
    public func ready(_ events: ReadyEvents) {
        socket?.note(events)
        switch phase {
        case .relaying:
            if events.contains(.writable) { drain() }
            if events.contains(.readable) || events.contains(.hangUp) { wake() }
        case .connecting: connected(events)
        case .requesting:
            // An application that gave up before it was answered frees its stream, mostly at once.
            if events.contains(.error) {
                giveUp()
            } else if events.contains(.hangUp), !isServer {
                owner?.streamApplicationEnded(self)
            }
        case .ended: break
        }
    }

    public func timerFired(_ kind: Int) {
        timer = nil
        switch phase {
        case .connecting: connectFailed(.timedOut)
        case .requesting:
            looksLeft -= 1
            let isLost = tunnel?.with { $0.isDoubtful } ?? true
            guard isLost || looksLeft <= 0 else { return restart(Limits.connectLookDuration) }
            tunnel?.with { $0.reset(self, .cancel) }
            end(
                isLost
                    ? .tunnelLost("the peer did not answer a ping in time")
                    : .unanswered("the peer did not answer the CONNECT request in time"))
        case .relaying: silenceTimerFired()
        case .ended: break
        }
    }

    private func connected(_ events: ReadyEvents) {
        guard events.contains(.writable), timer != nil else { return }
        if let failure = socket?.failure() { return connectFailed(failure) }
        cancelTimer()
        owner?.streamConnected(self)
    }

    private func connectFailed(_ failure: Errno) {
        cause = .socketFailed(failure)
        refuse([HTTPField(":status", "503")])
    }

    private func relay() {
        cancelTimer()
        phase = .relaying
        watchSilence()
        if !early.isEmpty {
            unsafe socket?.hold(early.readable)
            early.release()
            drain()
            guard phase == .relaying else { return }
            noteWaiting()
        }
        if hasPeerEnded {
            socket?.finish()
            directionEnded()
        }
        wake()
    }

    /// There may be bytes to read for the session.
    private func wake() {
        guard isDeferred else { return }
        isDeferred = false
        tunnel?.with { $0.resume(self) }
    }

    /// Gives the application what waits for it, so many bytes at most.
    /// - Returns: how many it took.
    @discardableResult
    func deliver(atMost limit: Int = .max) -> Int {
        guard pendingByteCount > 0 else { return 0 }
        var count = 0
        do throws(Errno) {
            count = try socket?.drain(atMost: limit) ?? 0
            delivered(count)
        } catch {
            socketFailed(error)
            return 0
        }
        noteWaiting()
        if tunnel == nil, socket?.hasFinished ?? true { end(.completed) }
        return count
    }

    private func delivered(_ byteCount: Int) {
        guard byteCount > 0 else { return }
        bytesToSocket &+= UInt64(byteCount)
        let keepsUp = pendingByteCount == 0
        tunnel?.with {
            $0.consume(byteCount, of: self)
            fitWindow(after: byteCount, on: $0, keepsUp: keepsUp)
        }
    }

    func socketFailed(_ failure: Errno, resets: Bool = true) {
        if resets { tunnel?.with { $0.reset(self, .connectError) } }
        end(.socketFailed(failure))
    }

    func restart(_ span: Duration) {
        cancelTimer()
        timer = loop.schedule(after: span, kind: 0, handler: self)
    }

    private func cancelTimer() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    private func end(_ cause: RelayCause) {
        guard phase != .ended else { return }
        // Whatever becomes of a request that nobody waits for: its application has gone.
        let cause = isDeserted ? .socketFailed(.connectionReset) : cause
        let wasRelaying = phase == .relaying
        phase = .ended
        cancelTimer()
        early.release()
        countWaiting(0, heldIn: 0)
        endLingering()
        if isServer || wasRelaying, let socket = socket.take() {
            if cause == .completed { socket.close(on: loop) } else { socket.reset(on: loop) }
        }
        let owner = owner
        self.owner = nil
        owner?.streamEnded(
            self, RelayEnding(cause: cause, bytesFromSocket: bytesFromSocket, bytesToSocket: bytesToSocket))
        if let socket = socket.take() { socket.reset(on: loop) }
    }

    /// Client, within `streamEnded`: the socket of a stream that never relayed, of which nothing was read; nil after
    /// any other. It would be closed with a reset.
    public func reclaim() -> OwnedDescriptor? {
        guard phase == .ended, let socket = socket.take() else { return nil }
        return socket.release(from: loop)
    }
}
