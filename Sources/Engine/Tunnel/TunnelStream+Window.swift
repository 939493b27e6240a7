import EventLoop
import Primitives

/// How much the peer may have under way, and how much of it waits for the application.
extension TunnelStream {
    /// Bytes have left for the socket.
    func fitWindow(after byteCount: Int, on tunnel: TunnelConnection, keepsUp: Bool) {
        let budget = tunnel.budget
        let now = loop.now
        let isDue = window.passed(byteCount, keepsUp: keepsUp, at: now)
        guard window.isBulk(at: now) else { return budget.noteInteraction(self, at: now) }
        if isDue, window.growth == 0 { budget.retractInteraction(self) }
        let isInteractive = budget.isInteractive(at: now)
        guard isDue || (isInteractive && window.byteCount > Limits.latencyWindowByteCountMin) else { return }
        let ceiling = isInteractive ? tunnel.latencyWindow : Limits.streamWindowByteCountMax
        resizeWindow(to: window.next(ceiling: ceiling, allowance: budget.allowance(on: tunnel, at: now)))
    }

    /// Back to what it began with.
    func restoreWindow() { resizeWindow(to: window.least) }

    private func resizeWindow(to byteCount: Int) {
        guard byteCount != window.byteCount, let tunnel else { return }
        let before = window.growth
        window.resize(to: byteCount)
        tunnel.with { $0.windowChanged(of: self, by: window.growth - before) }
    }

    /// Counts the bytes that wait now, and the memory that holds them.
    func countWaiting(_ waiting: Int, heldIn held: Int) {
        guard waiting != waitingByteCount || held != heldByteCount else { return }
        let difference = waiting - waitingByteCount
        if waitingByteCount == 0 || difference < 0 { waitingSince = loop.now }
        let heldDifference = held - heldByteCount
        (waitingByteCount, heldByteCount) = (waiting, held)
        tunnel?.with { $0.waitingChanged(by: difference, heldIn: heldDifference) }
    }

    /// Keeps what waits for the application after the peer has closed the stream; false if too much is kept already.
    func linger(_ byteCount: Int, heldIn held: Int, _ budget: ReceiveBudget) -> Bool {
        // A socket costs too, however few bytes wait.
        let byteCount = max(byteCount, Limits.lingeringStreamByteCountMin)
        guard budget.lingeringByteCount + byteCount <= budget.limits.lingeringByteCountMax else { return false }
        budget.node.lingers(byteCount)
        budget.node.holds(held)
        lingering = (byteCount, held, budget.node)
        return true
    }

    func endLingering() {
        guard let (byteCount, held, node) = lingering else { return }
        node.lingers(-byteCount)
        node.holds(-held)
        lingering = nil
    }
}
