import Primitives

/// Looks at every frame of a peer before the session does, and says when there are too many of a kind.
struct FrameGuard {
    private var scanner: FrameScanner
    private(set) var meter = AbuseMeter()
    /// What was too much, once something was.
    private(set) var abuse: HTTP2Abuse?
    /// Of the block that is under way.
    private var (continuationCount, blockByteCount) = (0, 0)
    private let blockByteCountMax: Int

    init(_ role: HTTP2Role, fieldListByteCountMax: UInt32) {
        scanner = FrameScanner(prefaceByteCount: role == .server ? Limits.http2PrefaceByteCount : 0)
        blockByteCountMax = Limits.http2BlockFactor * Int(fieldListByteCountMax)
    }

    var frameCount: UInt64 { scanner.frameCount }

    /// Takes what a peer sent, at most so many frames.
    /// - Returns: how many of the bytes come before the next frame, or before the one that is too much.
    mutating func take(_ bytes: UnsafeRawBufferPointer, at now: Instant, frameCountMax: Int) -> Int {
        meter.refill(at: now)
        var (scanner, found) = (self.scanner, nil as HTTP2Abuse?)
        let count = unsafe scanner.scan(bytes, frameCountMax: frameCountMax) { frame in
            found = judge(frame)
            return found == nil
        }
        self.scanner = scanner
        if abuse == nil { abuse = found }
        return count
    }

    /// The peer did something that only the session can tell.
    mutating func charge(_ kind: HTTP2Abuse) {
        if meter.charge(kind), abuse == nil { abuse = kind }
    }

    /// DATA was sent, for which the peer gives credit.
    mutating func sentData(_ byteCount: Int) {
        if byteCount > Limits.http2SmallDataByteCountMax { meter.earn(.windowUpdates, 2) }
    }

    private mutating func judge(_ frame: FrameScanner.Frame) -> HTTP2Abuse? {
        switch frame.type {
        case Self.data: return judgeData(frame)
        case Self.headers:
            (continuationCount, blockByteCount) = (0, frame.byteCount)
            return blockByteCount > blockByteCountMax ? .largeBlocks : nil
        case Self.continuation:
            continuationCount += 1
            blockByteCount += frame.byteCount
            if meter.charge(.continuations) || continuationCount > Limits.http2ContinuationCountMax {
                return .continuations
            }
            return blockByteCount > blockByteCountMax ? .largeBlocks : nil
        case Self.reset, Self.pushPromise: return nil
        case Self.priority: return meter.charge(.priorities) ? .priorities : nil
        case Self.settings: return meter.charge(.settings) ? .settings : nil
        case Self.ping: return meter.charge(.pings) ? .pings : nil
        case Self.windowUpdate: return meter.charge(.windowUpdates) ? .windowUpdates : nil
        default: return meter.charge(.otherFrames) ? .otherFrames : nil
        }
    }

    private mutating func judgeData(_ frame: FrameScanner.Frame) -> HTTP2Abuse? {
        // Of padding there can be 256 bytes.
        let payload = frame.byteCount - (frame.flags & Self.padded != 0 ? 256 : 0)
        guard payload <= Limits.http2SmallDataByteCountMax else { return nil }
        let isEmpty = frame.byteCount == 0 && frame.flags & Self.endStream == 0
        let kind = isEmpty ? HTTP2Abuse.emptyData : .smallData
        return meter.charge(kind) ? kind : nil
    }

    /// The types and flags of RFC 9113 6.
    private static let (data, headers, priority, reset, settings) = (UInt8(0), UInt8(1), UInt8(2), UInt8(3), UInt8(4))
    private static let (pushPromise, ping, windowUpdate, continuation) = (UInt8(5), UInt8(6), UInt8(8), UInt8(9))
    private static let (endStream, padded) = (UInt8(0x1), UInt8(0x8))
}
