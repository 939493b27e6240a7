import Primitives

/// How much of what peers send a node keeps while applications do not take it.
public struct ReceiveLimits: Sendable {
    /// What may wait for applications on one tunnel, in bytes. A tunnel with more is not read until there is less.
    public var tunnelByteCountMax = Limits.tunnelWaitingByteCountMax
    /// The memory that may hold what waits on all tunnels of the node; with more, those that have more than a little
    /// waiting are not read, and with an eighth more, those that have anything.
    public var nodeByteCountMax = Limits.nodeWaitingByteCountMax
    /// What may wait for applications on streams that their peers have closed, on the whole node.
    public var lingeringByteCountMax = Limits.lingeringByteCountMax
    /// How long a tunnel is not read before streams whose applications do not read are reset.
    public var patience: Duration = Limits.stalledStreamDuration

    public init() {}

    /// By how much the windows of a tunnel may grow while so much waits on it. A stream whose application stops keeps
    /// the credit that it has, though others may grow in its place: all of it may come to wait at once, beside what a
    /// hundred streams have from the beginning.
    func growthByteCountMax(whileWaiting byteCount: Int) -> Int { tunnelByteCountMax / 3 - byteCount }

    /// Whether a tunnel with so much waiting is not to be read, where the whole node holds so much.
    func exceeds(tunnel: Int, node: Int) -> Bool {
        if tunnel > tunnelByteCountMax { return true }
        guard node > nodeByteCountMax else { return false }
        return tunnel > (node > nodeByteCountMax / 8 * 9 ? 0 : tunnelByteCountMax / 16)
    }
}
