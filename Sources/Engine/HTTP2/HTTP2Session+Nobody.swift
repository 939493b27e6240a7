import CNghttp2
import Primitives

/// The answer to a request that nghttp2 resets.
enum HTTP2NobodyStatus {
    /// 400
    case malformed
    /// 503
    case unknown

    /// As HPACK has it: an entry of the static table, or its name with another value.
    var fields: [UInt8] {
        switch self {
        case .malformed: [0x8c]
        case .unknown: [0x08, 3] + "503".utf8
        }
    }
}

/// CONNECT requests that name no destination, or one with a user before it (`user@host:port`). To nghttp2 they are
/// malformed, and whatever was sent on their streams but a reset would be dropped. A ztunnel answers 400, or 503 since
/// it takes what follows a user for a host name that nobody has; so that answer is laid out here, before the reset.
extension HTTP2Session {
    func invalidFrameReceived(_ frame: UnsafePointer<nghttp2_frame>, _ code: Int32) -> Int32 {
        countInvalidFrame()
        let header = unsafe frame.pointee.hd
        if UInt32(header.type) == NGHTTP2_HEADERS.rawValue { blockRefused(of: header.length) }
        let authority = refusedAuthority
        refusedAuthority = []
        guard !isAbandoned, role == .server, UInt32(header.type) == NGHTTP2_HEADERS.rawValue,
            stream(header.stream_id) == nil, isConnectToNobody(collector.fields)
        else { return 0 }
        let answer: HTTP2NobodyStatus
        switch code {
        case NGHTTP2_ERR_HTTP_MESSAGING.rawValue: answer = .malformed
        case NGHTTP2_ERR_HTTP_HEADER.rawValue where hasUser(authority):
            _ = unsafe authority.withUnsafeBytes { value in
                unsafe Array(":authority".utf8).withUnsafeBytes { unsafe collector.append(name: $0, value: value) }
            }
            let port = authority.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).last ?? []
            answer = UInt16(String(decoding: port, as: UTF8.self)) == nil ? .malformed : .unknown
        default: return 0
        }
        // The owner is told, for its log; the answer that it gives is this one.
        fieldsReceived(header.stream_id, endsStream: true)
        stream(header.stream_id)?.answerToNobody = answer
        return 0
    }

    /// nghttp2 says of a field that it cannot be, and which; there is no other way to learn the value.
    func noted(_ code: Int32, _ message: UnsafeRawBufferPointer) -> Int32 {
        guard code == NGHTTP2_ERR_HTTP_HEADER.rawValue else { return 0 }
        let marker = Array("name: [:authority], value: [".utf8)
        let text = unsafe Array(message)
        // The value behind it may be long.
        let beginning = text.indices.prefix(Limits.http2RemarkByteCount)
        guard let start = beginning.first(where: { text[$0...].starts(with: marker) }) else { return 0 }
        refusedAuthority = Array(text[(start + marker.count)...].dropLast())
        return 0
    }

    func frameWillBeSent(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let header = unsafe frame.pointee.hd
        if UInt32(header.type) == NGHTTP2_RST_STREAM.rawValue { nextAnswer = stream(header.stream_id)?.answerToNobody }
        return 0
    }

    /// HEADERS with the status alone, which ends the stream, and then the reset with NO_ERROR.
    func answerToNobody(_ status: HTTP2NobodyStatus, before reset: UnsafeRawBufferPointer) -> [UInt8] {
        let length = Limits.http2FrameHeaderByteCount
        precondition(reset.count == length + MemoryLayout<UInt32>.size)
        let identifier = unsafe reset[length - MemoryLayout<UInt32>.size..<length]
        let flags = UInt8(NGHTTP2_FLAG_END_STREAM.rawValue | NGHTTP2_FLAG_END_HEADERS.rawValue)
        let fields = status.fields
        let head: [UInt8] = [0, 0, UInt8(fields.count), UInt8(NGHTTP2_HEADERS.rawValue), flags]
        return unsafe head + identifier + fields + reset[..<length] + [0, 0, 0, 0]
    }

    /// Nothing else is wrong with it: of all pseudo-fields only the method came.
    private func isConnectToNobody(_ fields: [HTTPField]) -> Bool {
        let pseudo = fields.filter { $0.name.hasPrefix(":") }
        return pseudo.count == 1 && pseudo.first(named: ":method")?.bytes.elementsEqual("CONNECT".utf8) == true
    }

    /// The user is all that is wrong with it.
    private func hasUser(_ authority: [UInt8]) -> Bool {
        let rest = authority.filter { $0 != UInt8(ascii: "@") }
        return unsafe rest.count < authority.count && nghttp2_check_authority(rest, rest.count) != 0
    }
}
