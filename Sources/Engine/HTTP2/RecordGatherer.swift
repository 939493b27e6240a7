import Primitives

/// Lays frames out one after the other in a scratch block and hands them on when it is full, so that small frames
/// share a TLS record and the payload of a large one is read straight to its place behind the frame header.
@safe struct RecordGatherer {
    private var scratch = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var filled = 0
    /// The receiver has asked for a pause.
    private(set) var isSatisfied = false

    init() {}

    /// Starts a round of output over `block`, which stays the caller's.
    mutating func begin(_ block: UnsafeMutableRawBufferPointer) {
        precondition(block.count >= Limits.tlsRecordByteCount)
        unsafe scratch = block
        filled = 0
        isSatisfied = false
    }

    /// Where the payload of a DATA frame is to be read; its header goes before it.
    var payloadRoom: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(
            rebasing: scratch[min(filled + Limits.http2FrameHeaderByteCount, scratch.count)...])
    }

    /// Completes a DATA frame whose payload lies in `payloadRoom`.
    mutating func commitFrame(
        header: UnsafeRawBufferPointer, payloadByteCount: Int, to receiver: any HTTP2SessionDelegate
    ) {
        unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[filled...]).copyMemory(from: header)
        filled += header.count + payloadByteCount
        let room = unsafe scratch.count - filled
        if room < Limits.http2FrameHeaderByteCount + Limits.http2DataRoomByteCountMin { flush(to: receiver) }
    }

    /// Adds a frame that already is whole.
    mutating func append(_ frame: UnsafeRawBufferPointer, to receiver: any HTTP2SessionDelegate) {
        unsafe append(frame, to: receiver) { _ in }
    }

    /// Adds a frame that already is whole; `amend` may change it in its place.
    mutating func append(
        _ frame: UnsafeRawBufferPointer, to receiver: any HTTP2SessionDelegate,
        amend: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        var rest = unsafe frame
        if unsafe rest.count > scratch.count - filled { flush(to: receiver) }
        while unsafe rest.count > scratch.count {
            let piece = unsafe UnsafeRawBufferPointer(rebasing: rest[..<scratch.count])
            if unsafe !receiver.send(piece) { isSatisfied = true }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[scratch.count...])
        }
        let place = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[filled..<filled + rest.count])
        unsafe place.copyMemory(from: rest)
        unsafe amend(place)
        filled += rest.count
    }

    /// Hands on what is gathered.
    mutating func flush(to receiver: any HTTP2SessionDelegate) {
        guard filled > 0 else { return }
        let chunk = unsafe UnsafeRawBufferPointer(rebasing: scratch[..<filled])
        filled = 0
        if unsafe !receiver.send(chunk) { isSatisfied = true }
    }

    /// Ends a round of output: hands on the rest and forgets the block.
    mutating func end(to receiver: any HTTP2SessionDelegate) {
        flush(to: receiver)
        unsafe scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
}
