import CNghttp2

/// What needs no more than nghttp2's own state.
extension HTTP2Session {
    /// The stream has bytes again after it answered `deferred`.
    public func resume(_ stream: HTTP2Stream) {
        guard !isAbandoned, stream.isOpen else { return }
        // Refused when the stream is not deferred: then it will be asked anyway.
        _ = unsafe nghttp2_session_resume_data(handle, stream.id)
    }

    /// Ends both directions at once. The stream is told `closed` when the frame is sent.
    public func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard !isAbandoned, stream.isOpen else { return }
        stream.isGivenUp = true
        reset(stream.id, code)
    }
}
