import Primitives

/// Takes a message apart from its start.
struct DNSReader {
    let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    /// Nil at the end of the message, as for all that follow.
    mutating func uint16() -> UInt16? {
        guard bytes.count - offset >= 2 else { return nil }
        defer { offset += 2 }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    mutating func uint32() -> UInt32? {
        guard let high = uint16(), let low = uint16() else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    mutating func skip(_ count: Int) -> Range<Int>? {
        guard count >= 0, bytes.count - offset >= count else { return nil }
        defer { offset += count }
        return offset..<offset + count
    }

    /// A name, whose end may be a pointer to an earlier one (RFC 1035 section 4.1.4). Each pointer must lead to before
    /// everything of this name so far, which rules out loops, and behind the header.
    mutating func name() -> DNSName? {
        var wire: [UInt8] = []
        var position = offset
        var floor = offset
        var end: Int?
        var pointerCount = 0
        while position < bytes.count {
            let length = Int(bytes[position])
            switch length >> 6 {
            case 0:
                let next = position + 1 + length
                // Behind every label there is room for the root's zero.
                let most = Limits.dnsNameByteCountMax - (length == 0 ? 0 : 1)
                guard next <= bytes.count, wire.count + 1 + length <= most else { return nil }
                wire += bytes[position..<next]
                position = next
                if length == 0 {
                    offset = end ?? next
                    return DNSName(unchecked: wire)
                }
            case 3:
                guard position + 1 < bytes.count, pointerCount < Limits.dnsPointerCountMax else { return nil }
                let target = (length & 0x3f) << 8 | Int(bytes[position + 1])
                guard target >= DNSHeader.byteCount, target < floor else { return nil }
                if end == nil { end = position + 2 }
                pointerCount += 1
                floor = target
                position = target
            default: return nil
            }
        }
        return nil
    }
}
