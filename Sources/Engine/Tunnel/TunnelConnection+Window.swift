import EventLoop
import HTTP2
import Primitives
import System

/// What the peer may have under way, and what is done when too much of it waits for applications that do not read.
extension TunnelConnection {
    var budget: ReceiveBudget { buffers.budget }

    /// The window that keeps the way to the peer full at the rate of a fast link; more would only queue.
    var latencyWindow: Int {
        let roundTrip = leastRoundTrip ?? .zero
        let byteCount = Double(roundTrip.clampedNanoseconds) * Limits.fastLinkBytesPerNanosecond
        return min(max(Int(byteCount), Limits.latencyWindowByteCountMin), Limits.streamWindowByteCountMax)
    }

    /// Tells the peer of a stream's new window, which has changed its growth.
    func windowChanged(of stream: TunnelStream, by difference: Int) {
        windowGrowth += difference
        budget.changed(stream, by: difference)
        session?.with { $0.setWindow(stream.window.byteCount, of: stream) }
        requestFlush()
    }

    /// More bytes wait for applications, or fewer, and so much more memory holds them.
    func waitingChanged(by difference: Int, heldIn heldDifference: Int) {
        waitingByteCount += difference
        budget.node.holds(heldDifference)
    }

    private var isOverBudget: Bool {
        budget.limits.exceeds(tunnel: waitingByteCount, node: budget.node.heldByteCount)
    }

    /// Whether the socket is left alone for now, because too much waits already.
    func pausesReading() -> Bool {
        guard pauseTimer == nil else { return true }
        guard isOverBudget else { return false }
        awaitRoom(since: loop.now)
        return true
    }

    private func awaitRoom(since start: Instant, _ interval: Duration = Limits.stalledStreamInterval) {
        pauseTimer = loop.after(interval) { [weak self] in self?.lookForRoom(since: start) }
    }

    private func lookForRoom(since start: Instant) {
        pauseTimer = nil
        let hasMore = isOverBudget && loop.now - start >= budget.limits.patience && cutStalledStreams()
        guard isOverBudget || hasMore else { return requestResume() }
        awaitRoom(since: start, hasMore ? Limits.streamCutInterval : Limits.stalledStreamInterval)
    }

    /// Resets streams whose applications have taken nothing for a while, those for which most waits first, until there
    /// is room or some have been reset.
    /// - Returns: whether more are to be reset.
    private func cutStalledStreams() -> Bool {
        let now = loop.now
        let stalled = (session?.with { $0.openStreams } ?? []).compactMap { $0 as? TunnelStream }
            .filter { $0.waitingByteCount > 0 && now - $0.waitingSince >= budget.limits.patience }
            .sorted { $0.waitingByteCount > $1.waitingByteCount }
        var left = Limits.streamEndCountPerTurn
        for stream in stalled where isOverBudget || waitingByteCount > budget.limits.tunnelByteCountMax / 2 {
            guard left > 0 else { return true }
            left -= 1
            budget.cutStreamCount &+= 1
            stream.abort("\(stream.waitingByteCount) bytes wait for an application that does not read")
        }
        return false
    }
}
