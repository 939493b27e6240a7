import CNghttp2
import Primitives

/// nghttp2's table of callbacks: each finds the session again and calls the method of the same event. References are
/// taken without counting, since the session is alive while nghttp2 runs inside one of its methods.
enum SessionCallbacks {
    /// Calls `body` with the table, which nghttp2 copies.
    static func withTable<Result>(_ body: (OpaquePointer) -> Result) -> Result? {
        var table: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&table) == 0, let table = unsafe table else { return nil }
        defer { unsafe nghttp2_session_callbacks_del(table) }
        unsafe setReceiving(table)
        unsafe setSending(table)
        return unsafe body(table)
    }

    private static func setReceiving(_ table: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, _, context in
            unsafe withSession(context) { $0.headersBegan() }
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(table) {
            _, _, name, nameLength, value, valueLength, _, context in
            unsafe withSession(context) {
                unsafe $0.headerReceived(
                    name: UnsafeRawBufferPointer(start: name, count: nameLength),
                    value: UnsafeRawBufferPointer(start: value, count: valueLength))
            }
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(table) { _, _, _, _, _, _, _, _ in
            // Refuses the message (PROTOCOL_ERROR) where nghttp2 would drop the field and go on.
            NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, context in
            guard let frame = unsafe frame else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return unsafe withSession(context) { unsafe $0.frameReceived(frame) }
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { _, _, stream, bytes, count, context in
            unsafe withSession(context) {
                unsafe $0.dataReceived(stream, UnsafeRawBufferPointer(start: bytes, count: count))
            }
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table) { _, frame, code, context in
            guard let frame = unsafe frame else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return unsafe withSession(context) { unsafe $0.invalidFrameReceived(frame, code) }
        }
        unsafe nghttp2_session_callbacks_set_error_callback2(table) { _, code, message, count, context in
            unsafe withSession(context) { unsafe $0.noted(code, UnsafeRawBufferPointer(start: message, count: count)) }
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, stream, code, context in
            unsafe withSession(context) { $0.streamClosed(stream, HTTP2ErrorCode(rawValue: code)) }
        }
    }

    private static func setSending(_ table: OpaquePointer) {
        unsafe culvert_nghttp2_set_read_length(table) { _, _, _, _, _, _, context in
            guard let context = unsafe context else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            let session = unsafe Unmanaged<HTTP2Session>.fromOpaque(context)
            return unsafe session._withUnsafeGuaranteedRef { $0.payloadByteCountMax }
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(table) { _, _, header, count, _, context in
            unsafe withSession(context) {
                let length = Limits.http2FrameHeaderByteCount
                return unsafe $0.dataFrameReady(UnsafeRawBufferPointer(start: header, count: length), count)
            }
        }
        unsafe nghttp2_session_callbacks_set_before_frame_send_callback(table) { _, frame, context in
            guard let frame = unsafe frame else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return unsafe withSession(context) { unsafe $0.frameWillBeSent(frame) }
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, context in
            guard let frame = unsafe frame else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return unsafe withSession(context) { unsafe $0.frameSent(frame) }
        }
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(table) { _, frame, code, context in
            guard let frame = unsafe frame else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return unsafe withSession(context) { unsafe $0.frameNotSent(frame, code) }
        }
    }

    /// Calls `body` with the source of a stream's DATA, or with none where there is no stream; nghttp2 copies it.
    static func withPayload<Result>(
        of stream: HTTP2Stream?, _ body: (UnsafePointer<culvert_nghttp2_provider>?) -> Result
    ) -> Result {
        guard let stream else { return body(nil) }
        return unsafe withUnsafePointer(to: provider(of: stream), body)
    }

    private static func provider(of stream: HTTP2Stream) -> culvert_nghttp2_provider {
        var provider = unsafe culvert_nghttp2_provider()
        unsafe provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
        unsafe provider.read_callback = { _, _, _, count, flags, source, context in
            guard let context = unsafe context, let flags = unsafe flags, let stream = unsafe source?.pointee.ptr else {
                return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            return unsafe Unmanaged<HTTP2Session>.fromOpaque(context)._withUnsafeGuaranteedRef { session in
                unsafe Unmanaged<HTTP2Stream>.fromOpaque(stream)._withUnsafeGuaranteedRef { stream in
                    unsafe session.readPayload(of: stream, count, flags: &flags.pointee)
                }
            }
        }
        return unsafe provider
    }
}

@inline(__always)
private func withSession(_ context: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Int32) -> Int32 {
    guard let context = unsafe context else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
    return unsafe Unmanaged<HTTP2Session>.fromOpaque(context)._withUnsafeGuaranteedRef(body)
}
