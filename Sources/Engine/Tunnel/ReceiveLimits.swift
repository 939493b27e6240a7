import Primitives

/// How much of what peers send one worker keeps while applications do not take it.
public struct ReceiveLimits: Sendable {
    /// What may wait for applications on one tunnel, in bytes. A tunnel with more is not read until there is less.
    public var tunnelByteCountMax = Limits.tunnelWaitingByteCountMax
    /// What may wait on all tunnels of the worker; with more, those that hold more than a little are not read.
    public var workerByteCountMax = Limits.workerWaitingByteCountMax
    /// What may wait for applications on streams that their peers have closed, on the whole worker.
    public var lingeringByteCountMax = Limits.lingeringByteCountMax
    /// How long a tunnel is not read before streams whose applications do not read are reset.
    public var patience: Duration = Limits.stalledStreamDuration

    public init() {}

    /// Whether a tunnel with so much waiting is not to be read, where so much waits on the whole worker.
    func exceeds(tunnel: Int, worker: Int) -> Bool {
        tunnel > tunnelByteCountMax || (worker > workerByteCountMax && tunnel > tunnelByteCountMax / 16)
    }
}
