public import EventLoop
public import HTTP2
public import Identity
public import Primitives
public import System
public import TLS

/// One mTLS connection that carries streams: a socket, a TLS machine and an HTTP/2 machine, driven by the loop. Bytes
/// from the peer are read in large pieces, decrypted into scratch memory, and their payload is written to the streams'
/// sockets from there; bytes for the peer are pulled from the streams' sockets when the loop flushes, encrypted, and
/// written together.
public final class TunnelConnection {
    private enum Phase: Equatable { case connecting, handshaking, open, leaving, closed }
    enum Timer { static let (deadline, keepAlive, doubt, pong, proof) = (0, 1, 2, 3, 4) }

    let loop: EventLoop
    let buffers: RelayBuffers
    var socket: SecureSocket
    private var registration: Registration?
    let settings: HTTP2Settings
    private(set) var ownedSession: HTTP2Session?
    /// The same; it is never replaced.
    private(set) var session: Borrowed<HTTP2Session>?
    private(set) weak var owner: (any TunnelOwner)?
    private var phase: Phase
    private var isFlushRequested = false
    private(set) var isResumeRequested = false
    var pace = ReceivePace()
    var batch = FrameBatch()
    /// Frames that were read and for which there was no time.
    var untaken = ByteQueue()
    var requests = RequestTurn()
    var withdrawals = WithdrawalAllowance()
    /// Server: what it shares with the other tunnels of its source.
    private let source: SourceTurn?
    /// It takes no new streams, and GOAWAY follows the last one (ztunnel).
    private var (isDraining, owesGoAway) = (false, false)
    /// It is to drain as soon as it is open.
    private var isToDrain = false
    var timer: TimerToken?
    /// When the peer was last heard, and whether it has been asked since whether it lives.
    var (lastHeard, isAsked) = (Instant(nanoseconds: 0), false)
    private var drainPing: UInt64?
    let isServer: Bool
    /// When the pool last gave it to somebody.
    var lastUse: Instant
    /// Streams that have not ended.
    public internal(set) var streamCount = 0
    /// By how much all windows of streams are larger than they began.
    var windowGrowth = 0
    /// Bytes that wait for applications, and the timer that runs while there are too many.
    var waitingByteCount = 0
    var pauseTimer: TimerToken?
    /// When the peer's proof ends, how long streams may outlive that, and the timer that runs until then.
    var proofEnd: WallTime?
    let expiredDuration: Duration
    var proofTimer: TimerToken?
    /// The memory of what the socket has not taken, as it was last counted.
    private var unsentByteCount = 0
    /// Why the tunnel was lost, once it is.
    public private(set) var failure: TunnelFailure?
    /// Who the peer is.
    public var peerIdentity: SPIFFEID? { socket.peerIdentity }
    /// How it has proved that.
    var peerChain: PeerChain? { socket.peerChain }

    /// The accepting end, on a socket just accepted. The tunnel lives until it tells its owner that it is closed.
    /// - Parameter source: what it shares with the other tunnels that come from where it comes from.
    public init(
        accepting socket: consuming OwnedDescriptor, tls: TLSConnection, settings: HTTP2Settings = .tunnelServer,
        expiredDuration: Duration = Limits.expiredTunnelDuration, source: SourceTurn? = nil, loop: EventLoop,
        buffers: RelayBuffers, owner: any TunnelOwner
    ) throws(Errno) {
        self.source = source
        (self.loop, self.buffers, self.settings, self.owner) = (loop, buffers, settings, owner)
        self.expiredDuration = expiredDuration
        self.socket = SecureSocket(socket, tls)
        lastUse = loop.now
        (phase, isServer) = (.handshaking, true)
        TCPSocket.boundUnsent(of: self.socket.descriptor, byteCount: Limits.tunnelUnsentByteCountMax)
        registration = try loop.register(self.socket.descriptor, handler: self)
        timer = loop.schedule(after: Limits.handshakeDuration, kind: Timer.deadline, handler: self)
    }

    /// The opening end, on a socket that is still connecting.
    public init(
        connecting socket: consuming OwnedDescriptor, tls: TLSConnection, settings: HTTP2Settings = .tunnelClient,
        expiredDuration: Duration = Limits.expiredTunnelDuration, loop: EventLoop, buffers: RelayBuffers,
        owner: any TunnelOwner
    ) throws(Errno) {
        (self.loop, self.buffers, self.settings, self.owner) = (loop, buffers, settings, owner)
        self.expiredDuration = expiredDuration
        self.socket = SecureSocket(socket, tls)
        source = nil
        lastUse = loop.now
        (phase, isServer) = (.connecting, false)
        TCPSocket.boundUnsent(of: self.socket.descriptor, byteCount: Limits.tunnelUnsentByteCountMax)
        registration = try loop.register(self.socket.descriptor, handler: self)
        timer = loop.schedule(after: Limits.connectDuration, kind: Timer.deadline, handler: self)
    }

    var isClosed: Bool { phase == .closed }

    /// Streams can be opened.
    public var isOpen: Bool { phase == .open && !isDraining }

    /// Streams that the peer takes at once, once it has said so.
    private(set) var peerStreamCountMax: Int?
    /// A ping has gone unanswered for a while: the peer may be gone, and new streams had better go elsewhere.
    var isDoubtful = false

    // MARK: Streams

    func streamEnded() {
        streamCount -= 1
        guard phase != .closed else { return }
        owner?.tunnelStreamEnded(self)
        if owesGoAway, streamCount == 0 { ownedSession?.goAway() }
        if isDraining, streamCount == 0 { requestFlush() }
    }

    // MARK: Ends

    /// Takes no new streams, lets those that are open finish, and closes in order after the last.
    public func drain() {
        guard phase == .open, let session = ownedSession, !isDraining else {
            switch phase {
            // The peer sends its first requests with the end of its handshake: they are taken.
            case .handshaking where isServer: isToDrain = true
            case .connecting, .handshaking: close(.abandoned("closed before it was established"))
            case .open, .leaving, .closed: break
            }
            return
        }
        isDraining = true
        owner?.tunnelDraining(self)
        if isServer {
            session.announceShutdown()
            let payload = Entropy.uint64()
            drainPing = payload
            session.ping(payload)
        } else if streamCount == 0 {
            session.goAway()
        } else {
            owesGoAway = true
        }
        requestFlush()
    }

    /// All is said: FIN goes out, and what the peer says is passed over until it has ended too. To close at once would
    /// answer it with a reset, which takes along what is still under way to it.
    private func leave() {
        phase = .leaving
        socket.finish(inOrder: true)
        TCPSocket.shutdownWrite(of: socket.descriptor)
        restart(Limits.tunnelFarewellDuration, Timer.deadline)
    }

    /// Ends the tunnel. Its streams end over some turns where they are many, lest their end holds up everybody else.
    func close(_ failure: TunnelFailure?, atOnce isAtOnce: Bool = false) {
        guard phase != .closed else { return }
        if phase != .leaving { socket.finish(inOrder: failure == nil) }
        phase = .closed
        self.failure = failure
        requests.removeAll()
        untaken.release()
        if let timer { loop.cancel(timer) }
        if let pauseTimer { loop.cancel(pauseTimer) }
        if let proofTimer { loop.cancel(proofTimer) }
        timer = nil
        if let registration { loop.deregister(registration, socket.descriptor) }
        // What was asked for by the watch goes with it.
        (registration, isResumeRequested) = (nil, false)
        TCPSocket.shutdownBoth(of: socket.descriptor)
        countUnsent()
        if isAtOnce { ownedSession?.abandon(.internalError) } else { endStreams() }
        owner?.tunnelClosed(self, failure)
    }
}

// MARK: - Bytes in

extension TunnelConnection: EventHandler {
    public func ready(_ events: ReadyEvents) {
        if phase == .connecting, !connected(events) { return }
        if events.contains(.writable), socket.isBlocked {
            socket.noteWritable()
            requestFlush()
        }
        if events.contains(.hangUp) { socket.noteHangUp() }
        // What is to be resumed in this turn reads then.
        guard events.contains(.readable) || events.contains(.hangUp), !isResumeRequested else { return }
        if let source, !pace.sendsLarge, source.isAwaited(in: loop.turnCount) { requestResume() } else { receive() }
    }

    public func resume() {
        isResumeRequested = false
        guard phase != .closed else { return endStreams() }
        receive()
    }

    func requestResume() {
        guard !isResumeRequested else { return }
        isResumeRequested = true
        if let registration { loop.requestResume(registration) } else { loop.requestResume(self) }
    }

    private func connected(_ events: ReadyEvents) -> Bool {
        guard events.contains(.writable) else { return false }
        if let failure = TCPSocket.pendingError(of: socket.descriptor) {
            close(.connect(failure))
            return false
        }
        phase = .handshaking
        restart(Limits.handshakeDuration, Timer.deadline)
        do {
            try socket.start()
        } catch {
            close(.handshake(error))
            return false
        }
        requestFlush()
        return true
    }

    private func receive() {
        let source = pace.sendsLarge ? nil : source
        guard source?.hasTime(in: loop.turnCount) ?? true,
            phase != .handshaking || buffers.turn.takesHandshake(in: loop.turnCount, after: loop.timeInTurn)
        else { return requestResume() }
        let before = source == nil ? .zero : loop.timeInTurn
        decideWaiting()
        receiveShare()
        source?.took(loop.timeInTurn - before + Limits.answerDuration, in: loop.turnCount)
    }

    /// Reads what the peer has sent, within this tunnel's share of the turn.
    private func receiveShare() {
        var share = Limits.turnByteCountMax
        while phase != .closed, !pausesReading() {
            guard share > 0, !pace.sendsLarge || buffers.readShare.left(in: loop.turnCount) > 0 else {
                return requestResume()
            }
            let input = untaken.isEmpty ? socket.receive(into: buffers, atMost: pace.byteCountMax) : recall()
            share -= max(pace.cost(of: input.byteCount), Limits.callCostByteCountMin)
            buffers.readShare.take(input.byteCount, in: loop.turnCount)
            take(input)
            guard untaken.isEmpty else { return requestResume() }
            if input.isDrained { return }
        }
    }

    /// Nothing is lost when the connection ends now.
    private var isIdle: Bool { phase == .leaving || (phase == .open && streamCount == 0) }

    private func take(_ input: SecureSocket.Input) {
        if phase == .handshaking, socket.end == nil, socket.isEstablished { established() }
        let plaintext = unsafe socket.plaintext(of: input, in: buffers)
        if input.byteCount > 0 { lastHeard = loop.now }
        if phase == .open, plaintext.count > 0, let session {
            session.with { unsafe take(plaintext, for: $0) }
        }
        let takenByteCount = plaintext.count - untaken.count
        pace.took(input.byteCount, takenByteCount, frames: batch.takeFrameCount(), at: loop.now)
        guard phase != .closed else { return }
        switch untaken.isEmpty ? socket.end : nil {
        case nil: if input.byteCount > 0 || plaintext.count > 0 { requestFlush() }
        case .closed: close(isIdle ? nil : .peerClosed)
        case .lost(let failure): close(isIdle ? nil : .socket(failure))
        case .refused(let failure): close(phase == .leaving ? nil : .handshake(failure))
        }
    }

    private func established() {
        do {
            let session = try HTTP2Session(role: isServer ? .server : .client, settings: settings, delegate: self)
            ownedSession = session
            self.session = Borrowed(session)
        } catch {
            return close(.http2(error))
        }
        phase = .open
        restart(Limits.keepAliveInterval, Timer.keepAlive)
        owner?.tunnelEstablished(self)
        watchProof()
        if isToDrain { drain() }
    }
}

// MARK: - Bytes out

extension TunnelConnection: HTTP2SessionDelegate {
    func requestFlush() {
        guard !isFlushRequested, let registration else { return }
        isFlushRequested = true
        loop.requestFlush(registration)
    }

    public func flush() {
        isFlushRequested = false
        guard phase == .handshaking || phase == .open, !socket.isBlocked else { return }
        defer { countUnsent() }
        do throws(Errno) {
            guard try socket.drain() else { return }
        } catch {
            return close(.socket(error))
        }
        session?.with { produce($0) }
    }

    private func produce(_ session: HTTP2Session) {
        var share = Limits.turnByteCountMax
        while session.wantsWrite, phase == .open {
            guard share > 0 else { return requestFlush() }
            let block = unsafe buffers.block
            do throws(HTTP2ConnectionFailure) {
                let count = try unsafe session.produce(into: block)
                guard count > 0 else { break }
                share -= count
                guard unsafe send(UnsafeRawBufferPointer(rebasing: block[..<count])) else { return }
            } catch {
                return close(.http2(error))
            }
        }
        guard session.isFinished, phase == .open else { return }
        if let failure = session.failure { close(.http2(failure)) } else { leave() }
    }

    /// Counts what the socket has not taken.
    private func countUnsent() {
        let byteCount = phase == .closed ? 0 : socket.unsentByteCount
        guard byteCount != unsentByteCount else { return }
        budget.unsentByteCount += byteCount - unsentByteCount
        unsentByteCount = byteCount
    }

    /// - Returns: whether the socket takes more.
    private func send(_ frames: UnsafeRawBufferPointer) -> Bool {
        do throws(TunnelFailure) {
            return try unsafe socket.send(frames, by: buffers)
        } catch {
            close(error)
            return false
        }
    }

    /// The shortest round trip to the peer so far; nil if none was measured.
    var leastRoundTrip: Duration? { TCPSocket.leastRoundTrip(of: socket.descriptor) }
}

// MARK: - Events

extension TunnelConnection: TimerHandler {
    public func settingsReceived() {
        peerStreamCountMax = ownedSession.map { Int(clamping: $0.peerStreamCountMax) }
        owner?.tunnelSettled(self)
    }

    public func goAwayReceived(lastStream: Int32, code: HTTP2ErrorCode) {
        guard !isDraining else { return }
        isDraining = true
        owner?.tunnelDraining(self)
        // The connection is finished once we said so too.
        owesGoAway = true
        if streamCount == 0 { ownedSession?.goAway() }
    }

    /// The peer was told that we take no more streams, and has had its time to learn of it: what it opens from here on
    /// is passed over.
    func takeNoMore() {
        guard drainPing != nil else { return }
        drainPing = nil
        ownedSession?.goAway()
        requestFlush()
    }

    public func pingAcknowledged(_ payload: UInt64) {
        if payload == drainPing {
            takeNoMore()
        } else {
            answered()
        }
    }

    public func timerFired(_ kind: Int) {
        guard kind != Timer.proof else { return proofTimerFired() }
        timer = nil
        if phase == .leaving { return close(nil) }
        guard kind == Timer.deadline else { return keepAliveTimerFired(kind) }
        close(phase == .connecting ? .connectTimedOut : .handshakeTimedOut)
    }
}

@available(*, unavailable) extension TunnelConnection: Sendable {}
