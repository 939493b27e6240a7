import Primitives

/// Lays frames out one after the other in a block of the caller's, so that small frames share a TLS record and the
/// payload of a large one is read straight to its place behind the frame header.
@safe struct RecordGatherer {
    private var block = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// What did not fit of the last frame. It lies where nghttp2 laid the frame out, until that is asked for the next.
    private var rest = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// How much of the block holds frames.
    private(set) var filledByteCount = 0

    init() {}

    /// Starts to fill `block`.
    mutating func begin(_ block: UnsafeMutableRawBufferPointer) {
        precondition(block.count >= Limits.tlsRecordByteCount)
        unsafe self.block = block
        filledByteCount = 0
        unsafe append(rest)
    }

    /// There is no room to begin another frame.
    var isFull: Bool {
        unsafe block.count - filledByteCount < Limits.http2FrameHeaderByteCount + Limits.http2DataRoomByteCountMin
    }

    /// Where the payload of a DATA frame is to be read; its header goes before it.
    var payloadRoom: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(
            rebasing: block[min(filledByteCount + Limits.http2FrameHeaderByteCount, block.count)...])
    }

    /// Completes a DATA frame whose payload lies in `payloadRoom`.
    mutating func commitFrame(header: UnsafeRawBufferPointer, payloadByteCount: Int) {
        unsafe UnsafeMutableRawBufferPointer(rebasing: block[filledByteCount...]).copyMemory(from: header)
        filledByteCount += header.count + payloadByteCount
    }

    /// Adds a frame that already is whole, or as much of it as fits; the rest begins the next block.
    /// - Returns: where it lies.
    @discardableResult
    mutating func append(_ frame: UnsafeRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        let count = unsafe min(frame.count, block.count - filledByteCount)
        let place = unsafe UnsafeMutableRawBufferPointer(
            rebasing: block[filledByteCount..<filledByteCount + count])
        unsafe place.copyMemory(from: UnsafeRawBufferPointer(rebasing: frame[..<count]))
        unsafe rest = UnsafeRawBufferPointer(rebasing: frame[count...])
        filledByteCount += count
        return unsafe place
    }

    /// Forgets the block.
    mutating func end() { unsafe block = UnsafeMutableRawBufferPointer(start: nil, count: 0) }
}
