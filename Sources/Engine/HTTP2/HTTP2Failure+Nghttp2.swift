import CNghttp2

extension HTTP2ConnectionFailure {
    /// From what nghttp2 returned.
    init(nghttp2 outcome: Int) {
        let code = Int32(clamping: outcome)
        let kind: Kind =
            switch code {
            case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: .notHTTP2
            case NGHTTP2_ERR_FLOODED.rawValue: .flooded
            case NGHTTP2_ERR_NOMEM.rawValue: .outOfMemory
            default: .misuse
            }
        self.init(kind, reason: unsafe String(cString: nghttp2_strerror(code)))
    }
}

extension HTTP2StreamFailure {
    /// From what nghttp2 returned.
    init(nghttp2 outcome: Int32) {
        self =
            switch outcome {
            case NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE.rawValue: .identifiersExhausted
            case NGHTTP2_ERR_NOMEM.rawValue: .outOfMemory
            case NGHTTP2_ERR_INVALID_ARGUMENT.rawValue: .invalidFields
            case NGHTTP2_ERR_START_STREAM_NOT_ALLOWED.rawValue: .goingAway
            default: .streamClosed
            }
    }
}
