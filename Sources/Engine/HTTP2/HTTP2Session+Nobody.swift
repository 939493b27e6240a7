import CNghttp2
import Primitives

/// A CONNECT request that names no destination. To nghttp2 it is malformed, and whatever was sent on its stream but a
/// reset would be dropped. A ztunnel answers 400, so that answer is laid out here, before the reset.
extension HTTP2Session {
    func invalidFrameReceived(_ frame: UnsafePointer<nghttp2_frame>, _ code: Int32) -> Int32 {
        countInvalidFrame()
        let header = unsafe frame.pointee.hd
        guard !isAbandoned, role == .server, code == NGHTTP2_ERR_HTTP_MESSAGING.rawValue,
            UInt32(header.type) == NGHTTP2_HEADERS.rawValue, stream(header.stream_id) == nil,
            isConnectToNobody(collector.fields)
        else { return 0 }
        // The owner is told, for its log; the answer that it gives is this one.
        fieldsReceived(header.stream_id, endsStream: true)
        stream(header.stream_id)?.asksForNobody = true
        return 0
    }

    func frameWillBeSent(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let header = unsafe frame.pointee.hd
        if UInt32(header.type) == NGHTTP2_RST_STREAM.rawValue, stream(header.stream_id)?.asksForNobody == true {
            answersNext = true
        }
        return 0
    }

    /// HEADERS with the status 400 alone (an entry of HPACK's static table), which ends the stream, and then the reset
    /// with NO_ERROR.
    func answerToNobody(before reset: UnsafeRawBufferPointer) -> [UInt8] {
        let length = Limits.http2FrameHeaderByteCount
        precondition(reset.count == length + MemoryLayout<UInt32>.size)
        let identifier = unsafe reset[length - MemoryLayout<UInt32>.size..<length]
        let flags = UInt8(NGHTTP2_FLAG_END_STREAM.rawValue | NGHTTP2_FLAG_END_HEADERS.rawValue)
        let answer: [UInt8] = unsafe [0, 0, 1, UInt8(NGHTTP2_HEADERS.rawValue), flags] + identifier + [0x8c]
        return unsafe answer + reset[..<length] + [0, 0, 0, 0]
    }

    /// Nothing else is wrong with it: of all pseudo-fields only the method came.
    private func isConnectToNobody(_ fields: [HTTPField]) -> Bool {
        let pseudo = fields.filter { $0.name.hasPrefix(":") }
        return pseudo.count == 1 && pseudo.first(named: ":method")?.bytes.elementsEqual("CONNECT".utf8) == true
    }
}
