import CNghttp2
import Primitives

/// Makes nghttp2 sessions with our limits.
enum SessionHandle {
    /// A session with its SETTINGS and the connection's window waiting to be sent; nil without memory. It keeps a block
    /// in `spare`, which is to outlive it.
    static func make(
        _ role: HTTP2Role, _ settings: HTTP2Settings, keepingIn spare: borrowing SpareBlock
    ) -> OpaquePointer? {
        var handle: OpaquePointer?
        let (isServer, place) = unsafe (role == .server ? Int32(1) : 0, spare.place)
        let outcome = unsafe withOptions { options in
            unsafe SessionCallbacks.withTable { table in
                unsafe culvert_nghttp2_session_new(&handle, isServer, table, options, place)
            }
        }
        guard outcome == 0, let handle = unsafe handle else { return nil }
        let entries = entries(role, settings)
        let window = Int32(settings.connectionWindowByteCount)
        guard unsafe nghttp2_submit_settings(handle, flags, entries, entries.count) == 0,
            unsafe nghttp2_session_set_local_window_size(handle, flags, 0, window) == 0
        else {
            unsafe nghttp2_session_del(handle)
            return nil
        }
        return unsafe handle
    }

    /// Writes the number of streams we advertise over the one that nghttp2 enforces: passing nghttp2's costs the peer
    /// its connection, passing ours only the stream.
    static func advertise(streamCountMax: UInt32, in frame: UnsafeMutableRawBufferPointer) {
        let place = Limits.http2FrameHeaderByteCount + MemoryLayout<UInt16>.size
        precondition(frame.count >= place + MemoryLayout<UInt32>.size)
        unsafe frame.storeBytes(of: streamCountMax.bigEndian, toByteOffset: place, as: UInt32.self)
    }

    /// In the order in which a ztunnel sends them.
    private static func entries(_ role: HTTP2Role, _ settings: HTTP2Settings) -> [nghttp2_settings_entry] {
        let first =
            switch role {
            case .client: (NGHTTP2_SETTINGS_ENABLE_PUSH, UInt32(0))
            case .server:
                (
                    NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                    settings.streamCountMax + UInt32(Limits.http2ExcessStreamCountMax)
                )
            }
        return [
            first,
            (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindowByteCount),
            (NGHTTP2_SETTINGS_MAX_FRAME_SIZE, settings.frameByteCountMax),
            (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.fieldListByteCountMax),
        ].map { nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: $0.1) }
    }

    private static func withOptions(_ body: (OpaquePointer) -> Int32?) -> Int32? {
        var options: OpaquePointer?
        guard unsafe nghttp2_option_new(&options) == 0, let options = unsafe options else { return nil }
        defer { unsafe nghttp2_option_del(options) }
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        unsafe nghttp2_option_set_max_outbound_ack(options, Limits.http2WaitingAcknowledgementCountMax)
        unsafe nghttp2_option_set_max_settings(options, Limits.http2SettingsEntryCountMax)
        unsafe culvert_nghttp2_set_continuations(options, Limits.http2ContinuationCountMax + 1)
        // `FrameGuard` judges what is too much. nghttp2 does not tell resets of answered streams, which applications
        // make as often as they like, from others; what it calls glitches is a second line.
        unsafe culvert_nghttp2_set_reset_rate(options, UInt64(UInt32.max), UInt64(UInt32.max))
        unsafe culvert_nghttp2_set_glitch_rate(
            options, UInt64(Limits.http2Glitches.burst), UInt64(Limits.http2Glitches.perSecond))
        return unsafe body(options)
    }

    private static let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
}
