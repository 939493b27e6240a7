import CNghttp2

/// What concerns the connection and none of its streams.
extension HTTP2Session {
    /// Streams the peer lets us have open at once, as far as is known.
    public var peerStreamCountMax: UInt32 {
        unsafe nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
    }

    /// Asks for an answer; `pingAcknowledged` brings the payload back.
    public func ping(_ payload: UInt64) {
        guard !isAbandoned else { return }
        _ = unsafe withUnsafeBytes(of: payload.bigEndian) {
            unsafe nghttp2_submit_ping(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// Server: announces the end (GOAWAY with the highest number) while new streams are still taken, so that none
    /// under way is lost; `goAway` follows after a round trip (RFC 9113 6.8).
    public func announceShutdown() {
        precondition(role == .server)
        guard !isAbandoned else { return }
        _ = unsafe nghttp2_submit_shutdown_notice(handle)
    }

    /// Takes no further streams; those open go on. The session is finished after the last of them.
    public func goAway(_ code: HTTP2ErrorCode = .noError) {
        guard !isAbandoned else { return }
        let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
        _ = unsafe nghttp2_submit_goaway(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code.rawValue, nil, 0)
    }
}
