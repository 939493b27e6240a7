import CNghttp2
public import Primitives

/// One end of an HTTP/2 connection as a byte machine over nghttp2: bytes in, events out, bytes out. It holds no
/// descriptor, no timer and no buffer of its own.
///
/// Credit is explicit. That of the connection is given back on receipt, so that a stream whose reader has stopped
/// never silences its siblings; that of a stream is given back by `consume`.
///
/// After either of `receive` and `produce` has thrown, or once `isFinished`, the connection is to be closed; `abandon`
/// tells the streams.
@safe public final class HTTP2Session {
    public let role: HTTP2Role
    public internal(set) var counters = HTTP2Counters()

    private let settings: HTTP2Settings
    let handle: OpaquePointer
    private let spare = SpareBlock()
    // The delegate owns the session, and so outlives it; a checked reference costs two atomic operations a frame.
    private unowned(unsafe) let delegate: any HTTP2SessionDelegate
    private var streams = StreamTable()
    var collector: FieldCollector
    private var gatherer = RecordGatherer()
    private var turns = StreamTurns()
    var frameGuard: FrameGuard
    private var hasAdvertised = false
    private(set) var isAbandoned = false
    /// Streams of an abandoned session that have not been told.
    private var orphans: [HTTP2Stream] = []
    /// The frame that nghttp2 lays out next resets a request that is given this answer before.
    var nextAnswer: HTTP2NobodyStatus?
    /// The destination that nghttp2 did not like of the request that it is about to reset.
    var refusedAuthority: [UInt8] = []
    private var isRunning = false
    /// Streams given up from within an event, one of which may be the one whose method is running.
    private var departed: [HTTP2Stream] = []
    /// Why the peer was told that the connection ends, when it was not in order.
    public private(set) var failure: HTTP2ConnectionFailure?

    /// Prepares the preface and SETTINGS; `produce` gives them. `delegate` is not retained and must outlive the
    /// session.
    public init(
        role: HTTP2Role, settings: HTTP2Settings, delegate: any HTTP2SessionDelegate
    ) throws(HTTP2ConnectionFailure) {
        guard let handle = unsafe SessionHandle.make(role, settings, keepingIn: spare) else {
            throw HTTP2ConnectionFailure(.outOfMemory, reason: "no memory for an HTTP/2 session")
        }
        self.role = role
        self.settings = settings
        unsafe self.handle = handle
        unsafe self.delegate = delegate
        collector = FieldCollector(byteCountMax: Int(settings.fieldListByteCountMax))
        frameGuard = FrameGuard(role, fieldListByteCountMax: settings.fieldListByteCountMax)
        unsafe nghttp2_session_set_user_data(handle, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { unsafe nghttp2_session_del(handle) }

    /// There are bytes to send.
    public var wantsWrite: Bool {
        unsafe !isAbandoned && (nghttp2_session_want_write(handle) != 0 || turns.isPending)
    }

    /// The connection has run its course in order: GOAWAY went out and no stream is left.
    public var isFinished: Bool {
        unsafe isAbandoned || (nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0)
    }

    /// Streams that are open, in either direction, or wait to be opened.
    public var openStreamCount: Int { streams.count }

    /// Those streams.
    public var openStreams: [HTTP2Stream] { streams.all }

    // MARK: - Bytes

    /// Takes bytes from the peer, all of them or those of so many frames; not to be called from within an event. A peer
    /// that has done something too often is told so by GOAWAY, which `produce` gives after this has thrown.
    /// - Returns: how many bytes were taken; the rest is to come first in the next call.
    @discardableResult
    public func receive(
        _ bytes: UnsafeRawBufferPointer, at now: Instant, frameCountMax: Int = .max
    ) throws(HTTP2ConnectionFailure) -> Int {
        guard !isAbandoned, bytes.count > 0 else { return bytes.count }
        let accepted =
            frameGuard.abuse == nil ? unsafe frameGuard.take(bytes, at: now, frameCountMax: frameCountMax) : 0
        var failure: HTTP2ConnectionFailure?
        do {
            try unsafe take(UnsafeRawBufferPointer(rebasing: bytes[..<accepted]))
        } catch {
            failure = error
        }
        guard !isAbandoned else { return bytes.count }
        if let abuse = frameGuard.abuse { throw dismiss(for: abuse) }
        if let failure { throw failure }
        return accepted
    }

    private func take(_ bytes: UnsafeRawBufferPointer) throws(HTTP2ConnectionFailure) {
        guard bytes.count > 0 else { return }
        beginRun()
        defer { endRun() }
        let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let outcome = unsafe culvert_nghttp2_receive(handle, start, bytes.count)
        guard !isAbandoned else { return }
        guard outcome >= 0 else { throw HTTP2ConnectionFailure(nghttp2: outcome) }
    }

    /// Lays out in `block`, of at least `Limits.tlsRecordByteCount` bytes, what is to be sent; not to be called from
    /// within an event. What a call gave is to be sent, or forgotten, before the next.
    /// - Returns: how much of the block is filled; zero when there is nothing to send now.
    public func produce(into block: UnsafeMutableRawBufferPointer) throws(HTTP2ConnectionFailure) -> Int {
        guard !isAbandoned else { return 0 }
        beginRun()
        defer { endRun() }
        unsafe gatherer.begin(block)
        defer { gatherer.end() }
        while !gatherer.isFull, !isAbandoned, failure == nil {
            var bytes: UnsafePointer<UInt8>?
            let outcome = unsafe culvert_nghttp2_produce(handle, &bytes)
            if outcome > 0 {
                unsafe append(UnsafeRawBufferPointer(start: bytes, count: outcome))
            } else if outcome < 0, failure == nil, !isAbandoned {
                failure = HTTP2ConnectionFailure(nghttp2: outcome)
            } else if gatherer.isFull || !beginRound() {
                break
            }
        }
        guard !isAbandoned else { return 0 }
        // What tells the peer of a failure goes out first.
        if let failure, gatherer.filledByteCount == 0 { throw failure }
        return gatherer.filledByteCount
    }

    private func append(_ frame: UnsafeRawBufferPointer) {
        if let answer = nextAnswer {
            nextAnswer = nil
            return unsafe answerToNobody(answer, before: frame).withUnsafeBytes { unsafe _ = gatherer.append($0) }
        }
        let place = unsafe gatherer.append(frame)
        guard role == .server && !hasAdvertised else { return }
        hasAdvertised = true
        unsafe SessionHandle.advertise(streamCountMax: settings.streamCountMax, in: place)
    }

    // MARK: - Streams

    /// Client: opens a stream with a request. When the peer allows no more streams it waits its turn.
    public func open(
        _ stream: HTTP2Stream, fields: [HTTPField], endsStream: Bool = false
    ) throws(HTTP2StreamFailure) {
        precondition(role == .client)
        guard unsafe !isAbandoned && nghttp2_session_check_request_allowed(handle) != 0 else { throw .goingAway }
        let context = unsafe Unmanaged.passUnretained(stream).toOpaque()
        let outcome = unsafe SessionCallbacks.withPayload(of: endsStream ? nil : stream) { payload in
            unsafe fields.withNameValues { unsafe culvert_nghttp2_request(handle, $0, $1, payload, context) }
        }
        guard outcome > 0 else { throw HTTP2StreamFailure(nghttp2: outcome) }
        streams.insert(stream, id: outcome)
    }

    /// Server: sends the head of the response; its payload is read from the stream unless the head ends it.
    public func respond(
        on stream: HTTP2Stream, fields: [HTTPField], endsStream: Bool = false
    ) throws(HTTP2StreamFailure) {
        guard !isAbandoned, stream.isOpen else { throw .streamClosed }
        let outcome = unsafe SessionCallbacks.withPayload(of: endsStream ? nil : stream) { payload in
            unsafe fields.withNameValues { unsafe culvert_nghttp2_response(handle, stream.id, $0, $1, payload) }
        }
        guard outcome == 0 else { throw HTTP2StreamFailure(nghttp2: outcome) }
    }

    /// Server: answers with a head that ends our direction and then resets the stream, whose request may still be open.
    public func refuse(
        _ stream: HTTP2Stream, fields: [HTTPField], _ code: HTTP2ErrorCode = .noError
    ) throws(HTTP2StreamFailure) {
        try respond(on: stream, fields: fields, endsStream: true)
        // nghttp2 would drop the head if the reset were submitted before the head is out.
        stream.partingCode = code
    }

    /// The connection is lost or given up: tells every stream, once, but no more than so many with each call. Nothing
    /// is sent or called thereafter.
    /// - Returns: whether all have been told.
    @discardableResult
    public func abandon(_ code: HTTP2ErrorCode, atMost count: Int = .max) -> Bool {
        if !isAbandoned {
            isAbandoned = true
            orphans = streams.removeAll().reversed()
            if isRunning { departed = orphans }
        }
        for _ in 0..<min(count, orphans.count) { orphans.popLast()?.closed(code) }
        return orphans.isEmpty
    }
}

// MARK: - What nghttp2 calls

extension HTTP2Session {
    func dataReceived(_ id: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        guard !isAbandoned else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        _ = unsafe nghttp2_session_consume_connection(handle, bytes.count)
        guard let context = unsafe nghttp2_session_get_stream_user_data(handle, id) else { return 0 }
        unsafe Unmanaged<HTTP2Stream>.fromOpaque(context)._withUnsafeGuaranteedRef { unsafe $0.received(bytes) }
        return 0
    }

    func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        guard !isAbandoned else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        let header = unsafe frame.pointee.hd
        let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let acknowledges = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
        switch UInt32(header.type) {
        case NGHTTP2_DATA.rawValue:
            if endsStream { stream(header.stream_id)?.receivedEnd() }
        case NGHTTP2_HEADERS.rawValue:
            fieldsReceived(header.stream_id, endsStream: endsStream)
        case NGHTTP2_RST_STREAM.rawValue:
            resetReceived(header.stream_id)
        case NGHTTP2_SETTINGS.rawValue:
            if !acknowledges { unsafe delegate.settingsReceived() }
        case NGHTTP2_PING.rawValue:
            if acknowledges {
                let payload = unsafe withUnsafeBytes(of: frame.pointee.ping.opaque_data) {
                    unsafe $0.loadUnaligned(as: UInt64.self)
                }
                unsafe delegate.pingAcknowledged(UInt64(bigEndian: payload))
            } else {
                counters.pingReceivedCount += 1
            }
        case NGHTTP2_GOAWAY.rawValue:
            let (last, code) = unsafe (frame.pointee.goaway.last_stream_id, frame.pointee.goaway.error_code)
            unsafe delegate.goAwayReceived(lastStream: last, code: HTTP2ErrorCode(rawValue: code))
        default:
            break
        }
        return 0
    }

    func streamClosed(_ id: Int32, _ code: HTTP2ErrorCode) -> Int32 {
        if !isAbandoned, let stream = stream(id) { close(stream, code) }
        return 0
    }

    /// The most that the next DATA frame may carry; nghttp2 lowers it to the windows.
    var payloadByteCountMax: Int { unsafe gatherer.payloadRoom.count }

    func readPayload(of stream: HTTP2Stream, _ count: Int, flags: inout UInt32) -> Int {
        guard !isAbandoned else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        if streams.count > 1, turns.passesOver(stream) { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: gatherer.payloadRoom.prefix(count))
        flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        switch unsafe stream.read(into: room) {
        case .bytes(let count):
            precondition(count > 0 && count <= room.count)
            turns.sends(stream)
            return count
        case .end(let count):
            precondition(count >= 0 && count <= room.count)
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
            return count
        case .trailers(let count, let fields):
            precondition(count >= 0 && count <= room.count)
            let outcome = unsafe fields.withNameValues { unsafe nghttp2_submit_trailer(handle, stream.id, $0, $1) }
            guard outcome == 0 else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            return count
        case .deferred:
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case .reset(let code):
            reset(stream, code)
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
    }

    func dataFrameReady(_ header: UnsafeRawBufferPointer, _ payloadByteCount: Int) -> Int32 {
        unsafe gatherer.commitFrame(header: header, payloadByteCount: payloadByteCount)
        frameGuard.sentData(payloadByteCount)
        return gatherer.isFull ? NGHTTP2_ERR_PAUSE.rawValue : 0
    }

    func frameSent(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        switch unsafe UInt32(frame.pointee.hd.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            let header = unsafe frame.pointee.hd
            let isEnd = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            guard isEnd || UInt32(header.type) == NGHTTP2_HEADERS.rawValue, !isAbandoned,
                let stream = stream(header.stream_id)
            else { break }
            stream.hasHeadLeft = true
            guard isEnd else { break }
            stream.hasEndLeft = true
            guard role == .server, let code = stream.partingCode else { break }
            reset(stream, code)
        case NGHTTP2_RST_STREAM.rawValue:
            resetSent(unsafe frame.pointee.hd.stream_id)
        case NGHTTP2_GOAWAY.rawValue:
            let goAway = unsafe frame.pointee.goaway
            let code = unsafe HTTP2ErrorCode(rawValue: goAway.error_code)
            guard code != .noError, failure == nil else { break }
            let reason = unsafe UnsafeRawBufferPointer(start: goAway.opaque_data, count: goAway.opaque_data_len)
            failure = unsafe departureFailure(code, String(decoding: reason, as: UTF8.self))
        default:
            break
        }
        return 0
    }

    /// A request that never left: the stream was reset, or GOAWAY came, while it waited.
    func frameNotSent(_ frame: UnsafePointer<nghttp2_frame>, _ code: Int32) -> Int32 {
        let (type, id) = unsafe (UInt32(frame.pointee.hd.type), frame.pointee.hd.stream_id)
        let isRequest = unsafe type == NGHTTP2_HEADERS.rawValue && frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
        if isRequest, !isAbandoned, let stream = streams.first(id: id) { close(stream, .refusedStream) }
        return 0
    }
}

// MARK: - Inner workings

extension HTTP2Session {
    /// Lets streams that have sent be asked again, now that no other has anything; false if there are none.
    private func beginRound() -> Bool {
        turns.next { _ = unsafe nghttp2_session_resume_data(handle, $0) }
    }

    private func beginRun() {
        precondition(!isRunning, "called from within an event")
        isRunning = true
    }

    private func endRun() {
        isRunning = false
        if !departed.isEmpty { departed = [] }
    }

    func stream(_ id: Int32) -> HTTP2Stream? {
        guard let context = unsafe nghttp2_session_get_stream_user_data(handle, id) else { return nil }
        return unsafe Unmanaged<HTTP2Stream>.fromOpaque(context).takeUnretainedValue()
    }

    private func close(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard streams.remove(stream) else { return }
        // The handle may outlive the stream by the rest of nghttp2's own clean-up.
        unsafe nghttp2_session_set_stream_user_data(handle, stream.id, nil)
        stream.closed(code)
    }

    func fieldsReceived(_ id: Int32, endsStream: Bool) {
        guard !collector.isOversized else { return refuseOversized(id) }
        let fields = collector.take()
        guard let stream = stream(id) ?? acceptStream(id) else { return }
        if stream.hasHead {
            stream.received(trailers: fields)
        } else if role == .client, fields.first(named: ":status")?.bytes.first == UInt8(ascii: "1") {
            frameGuard.charge(.interimResponses)
        } else {
            stream.hasHead = true
            stream.received(head: fields, endsStream: endsStream)
        }
        if endsStream, stream.isOpen { stream.receivedEnd() }
    }

    private func acceptStream(_ id: Int32) -> HTTP2Stream? {
        guard role == .server else { return nil }
        guard frameGuard.abuse == nil, streams.count < Int(settings.streamCountMax),
            let stream = unsafe delegate.acceptStream()
        else {
            counters.refusedStreamCount += 1
            frameGuard.charge(.refusedRequests)
            reset(id, .refusedStream)
            return nil
        }
        return bind(stream, id) ? stream : nil
    }

    private func bind(_ stream: HTTP2Stream, _ id: Int32) -> Bool {
        let context = unsafe Unmanaged.passUnretained(stream).toOpaque()
        // Fails only when the stream is gone already.
        guard unsafe nghttp2_session_set_stream_user_data(handle, id, context) == 0 else { return false }
        streams.insert(stream, id: id)
        return true
    }

    private func refuseOversized(_ id: Int32) {
        counters.oversizedFieldListCount += 1
        frameGuard.charge(.oversizedFieldLists)
        let nobody = HTTP2Stream()
        guard role == .server, stream(id) == nil, bind(nobody, id) else { return reset(id, .protocolError) }
        // Fails only when the stream is gone already.
        try? refuse(nobody, fields: [HTTPField(":status", "431")], .protocolError)
    }

    func reset(_ id: Int32, _ code: HTTP2ErrorCode) {
        _ = unsafe nghttp2_submit_rst_stream(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
    }
}

@available(*, unavailable) extension HTTP2Session: Sendable {}
