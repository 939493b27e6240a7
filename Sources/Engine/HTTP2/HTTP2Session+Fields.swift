import CNghttp2
import Primitives

/// The block of fields that is being received.
extension HTTP2Session {
    func headersBegan() -> Int32 {
        guard !isAbandoned else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        collector.begin()
        return 0
    }

    func headerReceived(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Int32 {
        guard unsafe collector.append(name: name, value: value) else { return refuseBlock(.largeBlocks) }
        // A byte on the wire can stand for a long field, and a block has room for tens of thousands of short ones.
        return collector.lastCost == 0 ? 0 : refuseBlock(.fields, collector.lastCost)
    }

    /// A field was refused. What is left of the block is decoded all the same, without a word.
    func blockRefused(of byteCount: Int) { _ = refuseBlock(.fields, byteCount / Limits.http2SmallFieldByteCount) }

    /// Charges for a part of the block.
    /// - Returns: for nghttp2, whether to stop at it.
    private func refuseBlock(_ abuse: HTTP2Abuse, _ cost: Int = 1) -> Int32 {
        for _ in 0..<cost where frameGuard.abuse == nil { frameGuard.charge(abuse) }
        return frameGuard.abuse == nil ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    }
}
