import EventLoop
import Primitives

/// What waits for applications leaves within a share of each turn, as many that had stalled may read again at once.
extension TunnelStream {
    /// Bytes that came for the application and that its socket has not taken.
    var pendingByteCount: Int { socket?.pendingByteCount ?? 0 }

    /// The application's socket takes more of what waits for it.
    func drain() {
        guard pendingByteCount > 0, !isResumeRequested, let buffers else { return }
        if buffers.drainShare.isAwaited(in: loop.turnCount) { requestResume() } else { drain(buffers) }
    }

    /// Has `resume` called in the loop's next turn, unless the stream has ended by then.
    func requestResume() {
        guard !isResumeRequested else { return }
        isResumeRequested = true
        socket?.requestResume(on: loop)
    }

    public func resume() {
        isResumeRequested = false
        if let buffers { drain(buffers) }
    }

    /// Writes as much as the turn has left. The next one goes on with the rest: there is no further event for it unless
    /// the socket has refused some.
    private func drain(_ buffers: RelayBuffers) {
        let share = buffers.drainShare.left(in: loop.turnCount)
        if share > 0 {
            let count = deliver(atMost: share)
            buffers.drainShare.take(max(count, Limits.callCostByteCountMin), in: loop.turnCount)
            guard count == share else { return }
        }
        if pendingByteCount > 0 { requestResume() }
    }
}
