import HTTP2

/// Frames as a peer might write them.
enum HTTP2Frames {
    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let length = UInt32(payload.count)
        return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
            + bigEndian(stream) + payload
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }

    /// A field as a literal without indexing (RFC 7541 6.2.2), of less than 127 bytes each.
    static func literal(_ name: String, _ value: [UInt8]) -> [UInt8] {
        let value = value.prefix(126)
        return [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.count)] + value
    }
}

extension Choices {
    /// A frame that is mostly legal, on one of few streams.
    mutating func frame(_ role: HTTP2Role) -> [UInt8] {
        let stream = UInt32(below(6)) * 2 + 1
        switch below(12) {
        case 0, 1: return HTTP2Frames.frame(1, pick([4, 5, 4, 0]), stream, head(role))
        case 2, 3: return HTTP2Frames.frame(0, pick([0, 0, 1]), stream, take(below(40)))
        case 4: return HTTP2Frames.frame(0, 0, stream, Array(repeating: 0x62, count: below(20_000)))
        case 5:
            return HTTP2Frames.frame(
                8, 0, oneIn(2) ? 0 : stream, HTTP2Frames.bigEndian(pick([1, 65535, 0x7fff_ffff, 0])))
        case 6: return HTTP2Frames.frame(3, 0, stream, HTTP2Frames.bigEndian(UInt32(below(14))))
        case 7:
            let value = pick([0, 1, 100, 65535, 16384, 0x7fff_ffff, 16_777_215] as [UInt32])
            return HTTP2Frames.frame(4, 0, 0, [0, UInt8(below(10))] + HTTP2Frames.bigEndian(value))
        case 8: return HTTP2Frames.frame(4, 1, 0, [])
        case 9: return HTTP2Frames.frame(6, oneIn(2) ? 1 : 0, 0, Array(repeating: 1, count: 8))
        case 10:
            let last = HTTP2Frames.bigEndian(stream)
            return HTTP2Frames.frame(7, 0, 0, last + HTTP2Frames.bigEndian(UInt32(below(14))))
        default: return HTTP2Frames.frame(UInt8(below(12)), byte(), oneIn(2) ? 0 : stream, take(below(30)))
        }
    }

    private mutating func head(_ role: HTTP2Role) -> [UInt8] {
        var block: [UInt8] = []
        if role == .client {
            block += HTTP2Frames.literal(":status", pick(["200", "503", "100", "204", "x"]).utf8.map { $0 })
        } else {
            block += HTTP2Frames.literal(":method", pick(["CONNECT", "POST", "GET", ""]).utf8.map { $0 })
            let isConnect = !oneIn(3)
            if !isConnect {
                block +=
                    HTTP2Frames.literal(":scheme", Array("http".utf8))
                    + HTTP2Frames.literal(":path", Array("/a.B/C".utf8))
                block += HTTP2Frames.literal("content-type", Array("application/grpc".utf8))
            }
            block += HTTP2Frames.literal(":authority", Array("10.1.0.7:8080".utf8))
        }
        if oneIn(3) { block += HTTP2Frames.literal("baggage", take(below(64))) }
        if oneIn(8) { block += take(below(64)) }
        if oneIn(16) { for _ in 0..<400 { block += HTTP2Frames.literal("x", Array(repeating: 0x78, count: 126)) } }
        return block
    }
}
