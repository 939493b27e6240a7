import CNghttp2

/// What is done about a peer that does something too often.
extension HTTP2Session {
    /// What the peer did too often, once it did.
    public var abuse: HTTP2Abuse? { frameGuard.abuse }

    /// How often the peer has done it.
    public func count(_ abuse: HTTP2Abuse) -> Int { frameGuard.meter.count(abuse) }

    /// Frames received.
    public var frameCount: UInt64 { frameGuard.frameCount }

    /// The peer did something that only the owner can tell.
    public func charge(_ abuse: HTTP2Abuse) { frameGuard.charge(abuse) }

    /// Tells the peer, and says how to tell others.
    func dismiss(for abuse: HTTP2Abuse) -> HTTP2ConnectionFailure {
        let failure = HTTP2ConnectionFailure(.abused(abuse), reason: abuse.description)
        let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
        unsafe failure.reason.utf8.withContiguousStorageIfAvailable { reason in
            _ = unsafe nghttp2_submit_goaway(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, HTTP2ErrorCode.enhanceYourCalm.rawValue,
                reason.baseAddress, reason.count)
        }
        return failure
    }

    /// Why we leave with GOAWAY: the peer did something too often, or nghttp2 found that it broke the protocol, which
    /// has words for some of its findings.
    func departureFailure(_ code: HTTP2ErrorCode, _ reason: String) -> HTTP2ConnectionFailure {
        if let abuse { return HTTP2ConnectionFailure(.abused(abuse), reason: abuse.description) }
        return HTTP2ConnectionFailure(.violation(code), reason: reason.isEmpty ? "\(code)" : reason)
    }

    func countInvalidFrame() {
        counters.invalidFrameCount += 1
        frameGuard.charge(.invalidFrames)
    }

    func resetReceived(_ id: Int32) {
        counters.resetReceivedCount += 1
        guard let stream = stream(id) else { return frameGuard.charge(.strayResets) }
        stream.isResetByPeer = true
        // Applications end their connections as often as they like; a stream that was answered was worth it.
        if role == .server, !stream.hasHeadLeft { frameGuard.charge(.withdrawnRequests) }
    }

    func resetSent(_ id: Int32) {
        counters.resetSentCount += 1
        if !(stream(id)?.isGivenUp ?? false) { frameGuard.charge(.forcedResets) }
    }
}
