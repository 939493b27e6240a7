import Primitives

/// The frames that one read brought. Where they are many, small pieces for one application are written together.
struct FrameBatch {
    private var before: UInt64 = 0
    private var frameCount: UInt64 = 0
    private var held: [TunnelStream] = []

    /// A batch comes to a session that has had so many frames.
    mutating func begin(_ frameCount: UInt64) { before = frameCount }

    /// Whether a piece for the stream waits for the others of the batch.
    mutating func holds(_ stream: TunnelStream, _ frameCount: UInt64) -> Bool {
        guard frameCount &- before > Limits.batchFrameCountMin else { return false }
        if !stream.isHeld {
            stream.isHeld = true
            held.append(stream)
        }
        return true
    }

    /// How many frames came since this was last asked.
    mutating func takeFrameCount() -> UInt64 {
        defer { frameCount = 0 }
        return frameCount
    }

    /// The batch has been taken.
    /// - Returns: the streams that wait for it; nil if none does.
    mutating func end(_ frameCount: UInt64) -> [TunnelStream]? {
        self.frameCount &+= frameCount &- before
        guard !held.isEmpty else { return nil }
        let taken = held
        held = []
        return taken
    }
}
