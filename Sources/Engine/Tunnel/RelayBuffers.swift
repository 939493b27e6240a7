import Primitives
import System

/// The scratch memory of one worker: bytes pass through it within one call and never rest here, so that an idle
/// connection holds no buffer.
@safe public final class RelayBuffers {
    /// What was read from a peer: ciphertext, or the bytes of a plain connection.
    let received: UnsafeMutableRawBufferPointer
    /// What was decrypted.
    var plaintext = ByteQueue()
    /// What was encrypted and is about to be written.
    var ciphertext = ByteQueue()
    /// Where outgoing frames are laid out.
    private let frames: UnsafeMutableRawBufferPointer

    /// For plain bulk.
    let pipes = PipePool()
    /// What may still be done in this turn.
    var turn = TurnShare()
    /// What of it is left for tunnels that send bulk, for what waits for applications that have not read, and for plain
    /// bulk.
    var readShare = TurnBudget(Limits.workerTurnByteCountMax)
    var drainShare = TurnBudget(Limits.workerTurnDrainByteCountMax)
    var relayShare = TurnBudget(Limits.workerTurnRelayByteCountMax)
    /// What peers may have under way to this worker.
    let budget: ReceiveBudget

    /// - Parameter node: what all workers of the node keep together.
    public init(limits: ReceiveLimits = ReceiveLimits(), node: NodeReceiveBudget = NodeReceiveBudget()) {
        budget = ReceiveBudget(limits, node)
        unsafe received = .allocate(byteCount: Limits.receiveByteCountMax, alignment: 64)
        unsafe frames = .allocate(byteCount: Limits.outgoingFrameByteCount, alignment: 64)
    }

    /// Room for outgoing frames: for a single record while too much waits for tunnels that take nothing.
    var block: UnsafeMutableRawBufferPointer {
        guard budget.unsentByteCount > Limits.workerUnsentByteCountMax else { return unsafe frames }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: frames.prefix(Limits.tlsRecordByteCount))
    }

    /// Streams that were reset because too much waited for applications that do not read.
    public var cutStreamCount: UInt64 { budget.cutStreamCount }

    /// Gives the memory back until it is needed again.
    public func release() {
        unsafe ProcessMemory.discard(received)
        unsafe ProcessMemory.discard(frames)
        plaintext.release()
        ciphertext.release()
    }

    deinit {
        unsafe received.deallocate()
        unsafe frames.deallocate()
    }
}

@available(*, unavailable) extension RelayBuffers: Sendable {}
