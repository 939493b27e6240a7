import CNghttp2

/// What peers may send on a stream.
extension HTTP2Session {
    /// Gives the peer credit on the stream for so many of the bytes received.
    public func consume(_ byteCount: Int, of stream: HTTP2Stream) {
        guard !isAbandoned, stream.isOpen, byteCount > 0 else { return }
        _ = unsafe nghttp2_session_consume_stream(handle, stream.id, byteCount)
    }

    /// Sets how many bytes the peer may have under way on the stream. A larger window is told at once; a smaller one
    /// comes about by credit that is not given back (RFC 9113 6.9.2 has no other way).
    public func setWindow(_ byteCount: Int, of stream: HTTP2Stream) {
        guard !isAbandoned, stream.isOpen else { return }
        _ = unsafe nghttp2_session_set_local_window_size(
            handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, Int32(clamping: byteCount))
    }
}
