import Primitives

/// What one worker lets its peers have under way and keeps for applications that do not read, and whether anybody on it
/// waits for short messages.
final class ReceiveBudget {
    let limits: ReceiveLimits
    /// What this worker and the others keep.
    let node: NodeReceiveBudget
    /// Streams that were reset because too much waited for their applications.
    var cutStreamCount: UInt64 = 0
    /// What was encrypted for tunnels whose sockets do not take it, in bytes of memory.
    var unsentByteCount = 0
    /// Bytes that wait on streams of the node that their peers have closed.
    var lingeringByteCount: Int { node.lingeringByteCount }
    /// By how much windows are larger than they began.
    private(set) var growth = 0
    private var grown: [TunnelStream] = []
    private var lastReclaim: UInt64 = 0
    private var lastInteraction: UInt64 = 0
    private var lastInteractor: ObjectIdentifier?

    init(_ limits: ReceiveLimits, _ node: NodeReceiveBudget = NodeReceiveBudget()) {
        self.limits = limits
        self.node = node
    }

    // MARK: Short messages

    /// A stream that moves no bulk has delivered something.
    func noteInteraction(_ stream: TunnelStream, at now: Instant) {
        lastInteraction = now.nanoseconds
        lastInteractor = ObjectIdentifier(stream)
    }

    /// What looked like a short message was the beginning of bulk.
    func retractInteraction(_ stream: TunnelStream) {
        if lastInteractor == ObjectIdentifier(stream) { (lastInteraction, lastInteractor) = (0, nil) }
    }

    /// Somebody waits for short messages.
    func isInteractive(at now: Instant) -> Bool {
        lastInteraction != 0 && now.nanoseconds &- lastInteraction <= Limits.interactiveNanoseconds
    }

    // MARK: Growth

    /// By how much windows of a tunnel may still grow. When there is little left, for it or for all of the worker's,
    /// streams that have moved no bulk for a while give back what they have.
    func allowance(on tunnel: TunnelConnection, at now: Instant) -> Int {
        let left = allowance(on: tunnel)
        guard left < Limits.streamWindowByteCountMax, now.nanoseconds &- lastReclaim > Limits.quickWindowNanoseconds
        else { return left }
        lastReclaim = now.nanoseconds
        for stream in grown where !stream.window.isBulk(at: now) { stream.restoreWindow() }
        return allowance(on: tunnel)
    }

    private func allowance(on tunnel: TunnelConnection) -> Int {
        min(
            Limits.workerWindowGrowthByteCountMax - growth,
            Limits.tunnelWindowGrowthByteCountMax - tunnel.windowGrowth,
            limits.growthByteCountMax(whileWaiting: tunnel.waitingByteCount))
    }

    /// A window grew, or shrank.
    func changed(_ stream: TunnelStream, by difference: Int) {
        growth += difference
        if stream.window.growth > 0 {
            guard stream.growthSlot == nil else { return }
            stream.growthSlot = grown.count
            grown.append(stream)
        } else if let slot = stream.growthSlot {
            stream.growthSlot = nil
            let last = grown.removeLast()
            guard last !== stream else { return }
            grown[slot] = last
            last.growthSlot = slot
        }
    }
}

@available(*, unavailable) extension ReceiveBudget: Sendable {}
