public import EventLoop
import Primitives
public import System

/// Told how a relay between two sockets ended.
public protocol PlainRelayOwner: AnyObject {
    /// The second socket is connected; called before any byte moves. Who aborts it now can still reclaim.
    func relayConnected(_ relay: PlainRelay)
    /// Before that the application has sent its last byte, and all before it are still to be read. Perhaps it has gone;
    /// `giveUp` is for then.
    func relayApplicationEnded(_ relay: PlainRelay)
    /// Called exactly once; the sockets are closed.
    func relayEnded(_ relay: PlainRelay, _ ending: RelayEnding)
}

extension PlainRelayOwner {
    public func relayApplicationEnded(_ relay: PlainRelay) {}
}

/// A relay between an accepted socket and one that we dial, both in plain TCP.
public final class PlainRelay: ResumeHandler {
    /// One of the two sockets as the loop sees it.
    private final class Port: EventHandler {
        /// Cleared when the relay ends; a weak reference would slow every use of the relay down.
        var relay: PlainRelay?
        let isAccepted: Bool
        init(isAccepted: Bool) { self.isAccepted = isAccepted }
        func ready(_ events: ReadyEvents) { relay?.ready(events, isAccepted) }
    }

    private let loop: EventLoop
    private let buffers: RelayBuffers
    private weak var owner: (any PlainRelayOwner)?
    private let acceptedPort = Port(isAccepted: true)
    private let dialledPort = Port(isAccepted: false)
    private var accepted: SocketEnd?
    private var dialled: SocketEnd?
    /// Where the bytes of either direction are while it moves bulk.
    private var (pipeUp, pipeDown): (SplicePipe?, SplicePipe?) = (nil, nil)
    private var isConnected = false
    private var resumeRequested = false
    private var timer: TimerToken?
    private var fromAccepted: UInt64 = 0
    private var toAccepted: UInt64 = 0
    /// Bytes that had waited here and have left.
    private var drained: UInt64 = 0
    /// Whether it moves anything.
    private var silence: SilenceWatch

    /// Takes over both sockets; `dialled` is still connecting. The relay lives until it tells its owner that it ended.
    public init(
        loop: EventLoop, buffers: RelayBuffers, accepted: consuming OwnedDescriptor, dialled: consuming OwnedDescriptor,
        owner: any PlainRelayOwner, silence: SilenceBounds = SilenceBounds()
    ) throws(Errno) {
        self.loop = loop
        self.silence = SilenceWatch(silence)
        self.buffers = buffers
        self.owner = owner
        self.accepted = try SocketEnd(accepted, on: loop, handler: acceptedPort)
        self.dialled = try SocketEnd(dialled, on: loop, handler: dialledPort)
        acceptedPort.relay = self
        dialledPort.relay = self
        timer = loop.schedule(after: Limits.connectDuration, kind: 0, handler: self)
    }

    /// Bytes read from the accepted socket so far.
    public var bytesFromAccepted: UInt64 { fromAccepted }
    /// Bytes given to the accepted socket so far.
    public var bytesToAccepted: UInt64 { toAccepted }

    /// Within `relayConnected`: gives the accepted socket these bytes before any other.
    public func greet(_ bytes: [UInt8]) {
        do throws(Errno) { try accepted?.prepend(bytes) } catch { end(.socketFailed(error)) }
    }

    /// Ends both connections with a reset.
    public func abort(_ reason: String) { end(.aborted(reason)) }

    /// Before the second socket is connected: the application is gone.
    public func giveUp() { if !isConnected { end(.socketFailed(.connectionReset)) } }

    /// Bytes of the application wait to be read.
    public var hasUnreadBytes: Bool { accepted?.hasUnreadBytes ?? false }

    private func ready(_ events: ReadyEvents, _ isAccepted: Bool) {
        if isAccepted { accepted?.note(events) } else { dialled?.note(events) }
        if !isConnected {
            guard !isAccepted else {
                // An application that gave up before it was connected has nothing to wait for.
                if events.contains(.error) {
                    giveUp()
                } else if events.contains(.hangUp) {
                    owner?.relayApplicationEnded(self)
                }
                return
            }
            if !connected(events) { return }
        }
        // What is to be resumed in this turn moves then.
        guard !resumeRequested else { return }
        if isBulk, buffers.relayShare.isAwaited(in: loop.turnCount) { requestResume() } else { pump() }
    }

    /// One direction or the other moves so much that it may have to wait for its turn.
    private var isBulk: Bool {
        pipeUp != nil || pipeDown != nil || (accepted?.pendingByteCount ?? 0) > 0
            || (dialled?.pendingByteCount ?? 0) > 0
    }

    private func connected(_ events: ReadyEvents) -> Bool {
        guard events.contains(.writable) else { return false }
        if let failure = dialled?.failure() {
            end(.socketFailed(failure))
            return false
        }
        owner?.relayConnected(self)
        guard dialled != nil else { return false }
        isConnected = true
        watchSilence()
        return true
    }

    public func resume() {
        resumeRequested = false
        if buffers.relayShare.left(in: loop.turnCount) > 0 { pump() } else { requestResume() }
    }

    private func requestResume() {
        guard !resumeRequested else { return }
        resumeRequested = true
        loop.requestResume(self)
    }

    private func pump() {
        do throws(Errno) {
            let up = try move(&accepted, &dialled, &pipeUp, &fromAccepted)
            let down = try move(&dialled, &accepted, &pipeDown, &toAccepted)
            if up || down { requestResume() }
        } catch {
            end(.socketFailed(error))
            return
        }
        let isUpOver = (accepted?.hasEnded ?? true) && (dialled?.hasFinished ?? true)
        let isDownOver = (dialled?.hasEnded ?? true) && (accepted?.hasFinished ?? true)
        if isUpOver && isDownOver {
            end(.completed)
        } else if isUpOver || isDownOver, silence.directionEnded(after: movedByteCount) {
            watchSilence()
        }
    }

    /// Moves one direction as far as it goes within this turn's share. What comes in large pieces is bulk, and stays in
    /// the kernel.
    /// - Returns: whether there is more to move at once.
    private func move(
        _ source: inout SocketEnd?, _ sink: inout SocketEnd?, _ pipe: inout SplicePipe?, _ total: inout UInt64
    ) throws(Errno) -> Bool {
        guard source != nil, sink != nil else { return false }
        // When others have used up the turn's share, a short message passes and bulk waits.
        let isLate = buffers.relayShare.left(in: loop.turnCount) == 0
        if isLate, pipe != nil || sink?.pendingByteCount != 0 { return true }
        let drainedByteCount = try drain(&sink, pipe)
        drained &+= UInt64(drainedByteCount)
        buffers.relayShare.take(drainedByteCount, in: loop.turnCount)
        let pieceByteCount = isLate ? Limits.smallReceiveByteCountMax : Limits.receiveByteCountMax
        var share = min(Limits.turnByteCountMax, pieceByteCount)
        while share > 0, sink?.pendingByteCount == 0 {
            if let pipe { try sink?.drain(pipe) }
            guard (pipe?.count ?? 0) == 0, let outcome = try read(&source, pipe, pieceByteCount, limit: share)
            else { return false }
            switch outcome {
            case .bytes(let count):
                total &+= UInt64(count)
                share -= count
                buffers.relayShare.take(count, in: loop.turnCount)
                guard pipe == nil else { break }
                _ = try unsafe sink?.offer(UnsafeRawBufferPointer(rebasing: buffers.received[..<count]))
                if count == pieceByteCount { pipe = buffers.pipes.take() }
            case .wouldBlock:
                giveBack(&pipe)
                return false
            case .endOfStream:
                sink?.finish()
                giveBack(&pipe)
                return false
            }
        }
        if let pipe { try sink?.drain(pipe) }
        return share <= 0 && sink?.pendingByteCount == 0 && (pipe?.count ?? 0) == 0
    }

    /// Gives a sink what has waited for it since an earlier turn.
    /// - Returns: how many bytes left.
    private func drain(_ sink: inout SocketEnd?, _ pipe: SplicePipe?) throws(Errno) -> Int {
        var count = try sink?.drain() ?? 0
        if let pipe, sink?.pendingByteCount == 0 {
            count += pipe.count
            try sink?.drain(pipe)
            count -= pipe.count
        }
        return count
    }

    /// Takes what is left of the share into a pipe, or else a piece.
    private func read(
        _ source: inout SocketEnd?, _ pipe: SplicePipe?, _ pieceByteCount: Int, limit: Int
    ) throws(Errno) -> IOOutcome? {
        if let pipe { return try source?.read(into: pipe, limit: limit) }
        return try unsafe source?.read(
            into: UnsafeMutableRawBufferPointer(rebasing: buffers.received.prefix(pieceByteCount)))
    }

    private func giveBack(_ pipe: inout SplicePipe?) {
        if let pipe { buffers.pipes.put(pipe) }
        pipe = nil
    }

    /// Grows with every byte that moves, also out of what waits for a slow reader.
    private var movedByteCount: UInt64 { fromAccepted &+ toAccepted &+ drained }

    /// Looks again when the span that holds now is over. A relay has one timer at a time.
    private func watchSilence() {
        if let timer { loop.cancel(timer) }
        timer = silence.span.map { loop.schedule(after: $0, kind: 1, handler: self) }
    }

    private func end(_ cause: RelayCause) {
        guard let far = dialled.take() else { return }
        acceptedPort.relay = nil
        dialledPort.relay = nil
        if let timer { loop.cancel(timer) }
        timer = nil
        giveBack(&pipeUp)
        giveBack(&pipeDown)
        if cause == .completed {
            if let near = accepted.take() { near.close(on: loop) }
            far.close(on: loop)
        } else {
            if isConnected, let near = accepted.take() { near.reset(on: loop) }
            far.reset(on: loop)
        }
        owner?.relayEnded(
            self, RelayEnding(cause: cause, bytesFromSocket: fromAccepted, bytesToSocket: toAccepted))
        if let near = accepted.take() { near.reset(on: loop) }
    }

    /// Within `relayEnded`: the accepted socket of a relay that was never connected, of which nothing was read; nil
    /// after any other. It would be closed with a reset.
    public func reclaim() -> OwnedDescriptor? {
        guard dialled == nil, let near = accepted.take() else { return nil }
        return near.release(from: loop)
    }
}

extension PlainRelay: TimerHandler {
    public func timerFired(_ kind: Int) {
        timer = nil
        if kind == 0 { return end(.socketFailed(.timedOut)) }
        if silence.hasMoved(movedByteCount) { watchSilence() } else { end(.aborted(silence.reason)) }
    }
}

@available(*, unavailable) extension PlainRelay: Sendable {}
