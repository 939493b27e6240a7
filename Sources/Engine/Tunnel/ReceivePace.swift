import Primitives

/// How much is read from a peer at once. Small frames and small TLS records cost more than their bytes, so that a peer
/// gets little of each turn until it has sent large ones, and again for a while after it has sent small ones.
struct ReceivePace {
    /// The peer sends bulk, in large pieces.
    private(set) var sendsLarge = false
    private var smallUntil: UInt64 = 0
    /// Since the last judgement, or since this was last forgotten.
    private var (ciphertext, plaintext, frames) = (0, 0, UInt64(0))
    private var sumsStart: UInt64 = 0

    /// What is read at once now.
    var byteCountMax: Int { sendsLarge ? Limits.receiveByteCountMax : Limits.smallReceiveByteCountMax }

    /// What of a turn's share the bytes cost that were read into that.
    func cost(of byteCount: Int) -> Int { sendsLarge ? byteCount : byteCount * Limits.smallReceiveFactor }

    /// So many bytes read were so many bytes of so many frames.
    mutating func took(_ ciphertext: Int, _ plaintext: Int, frames: UInt64, at now: Instant) {
        // Records and frames straddle reads, hence the sums. Credit that comes now and then for what we send is no
        // flood, however much of it comes in time; what comes after it is not judged by it.
        if now.nanoseconds &- sumsStart > Limits.smallReceiveSumNanoseconds {
            (self.ciphertext, self.plaintext, self.frames) = (0, 0, 0)
            sumsStart = now.nanoseconds
        }
        self.ciphertext += ciphertext
        self.plaintext += plaintext
        self.frames += frames
        guard self.ciphertext >= Limits.smallReceiveJudgementByteCount else { return }
        let hasSmallFrames = self.frames * UInt64(Limits.smallFrameByteCount) > UInt64(self.plaintext)
        if hasSmallFrames || self.plaintext < self.ciphertext / 2 {
            sendsLarge = false
            smallUntil = now.nanoseconds &+ Limits.smallReceiveNanoseconds
        } else if now.nanoseconds >= smallUntil {
            sendsLarge = true
        }
        (self.ciphertext, self.plaintext, self.frames) = (0, 0, 0)
    }
}
