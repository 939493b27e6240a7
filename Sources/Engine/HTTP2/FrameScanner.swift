import Primitives

/// Walks over the frames of a byte stream before anything is done about them: what they are is all that it looks at.
struct FrameScanner {
    /// One frame, by its header.
    struct Frame {
        var byteCount: Int
        var type: UInt8
        var flags: UInt8
    }

    /// Of the preface at first, then of the frame that is under way.
    private var payloadLeft: Int
    /// The first bytes of a header of which the others have not come.
    private var partial: UInt64 = 0
    private var partialCount = 0
    /// Frames so far.
    private(set) var frameCount: UInt64 = 0

    init(prefaceByteCount: Int) { payloadLeft = prefaceByteCount }

    /// Walks over `bytes`, whose frames `judge` sees in turn, until it answers false or has seen `frameCountMax`.
    /// - Returns: how many bytes come before the frame that it did not like, whose header may have begun earlier, or
    /// that is too many; all of them if there is none.
    mutating func scan(_ bytes: UnsafeRawBufferPointer, frameCountMax: Int, _ judge: (Frame) -> Bool) -> Int {
        var (position, left) = (0, frameCountMax)
        while position < bytes.count {
            if payloadLeft > 0 {
                let step = min(payloadLeft, bytes.count - position)
                payloadLeft -= step
                position += step
                continue
            }
            guard left > 0 else { return position }
            let start = position
            while partialCount < Limits.http2FrameHeaderByteCount, position < bytes.count {
                // The last four bytes name the stream, which is of no interest; the ones before are kept.
                if partialCount < Self.keptByteCount { partial = unsafe partial << 8 | UInt64(bytes[position]) }
                partialCount += 1
                position += 1
            }
            guard partialCount == Limits.http2FrameHeaderByteCount else { break }
            let frame = Frame(
                byteCount: Int(partial >> 16), type: UInt8(truncatingIfNeeded: partial >> 8),
                flags: UInt8(truncatingIfNeeded: partial))
            (partial, partialCount) = (0, 0)
            frameCount &+= 1
            left -= 1
            payloadLeft = frame.byteCount
            guard judge(frame) else { return start }
        }
        return bytes.count
    }

    /// Length, type and flags.
    private static let keptByteCount = 5
}
