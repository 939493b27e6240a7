extension IPAddress: LosslessStringConvertible {
    /// Dotted quad, or the forms of RFC 4291 section 2.2 (no zone, no brackets); nil for anything else. Leading zeros
    /// in a dotted quad are refused, as their meaning differs between parsers.
    public init?(_ text: some StringProtocol) { self.init(utf8: Array(text.utf8)[...]) }

    /// The same of UTF-8.
    public init?(utf8 bytes: ArraySlice<UInt8>) {
        if bytes.contains(UInt8(ascii: ":")) {
            self.init(v6Text: Array(bytes))
        } else if let bits = Self.dottedQuad(bytes) {
            self.init(v4: bits)
        } else {
            return nil
        }
    }

    private static func dottedQuad(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        guard bytes.count <= 15 else { return nil }
        var (bits, value, dotCount, digitCount): (UInt32, UInt32, Int, Int) = (0, 0, 0, 0)
        for byte in bytes {
            if byte == UInt8(ascii: ".") {
                guard digitCount > 0, dotCount < 3 else { return nil }
                bits = bits << 8 | value
                (value, dotCount, digitCount) = (0, dotCount + 1, 0)
            } else {
                let isLeadingZero = digitCount > 0 && value == 0
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), !isLeadingZero else { return nil }
                value = value * 10 + UInt32(byte - UInt8(ascii: "0"))
                digitCount += 1
                guard value < 256 else { return nil }
            }
        }
        return dotCount == 3 && digitCount > 0 ? bits << 8 | value : nil
    }

    private init?(v6Text bytes: [UInt8]) {
        let colon = UInt8(ascii: ":")
        guard bytes.count >= 2, bytes.count <= 45 else { return nil }
        var head: [UInt16] = []
        var tail: [UInt16] = []
        var sawGap = false
        var index = 0
        if bytes[0] == colon {
            guard bytes[1] == colon else { return nil }
            sawGap = true
            index = 2
        }
        while index < bytes.count {
            let end = bytes[index...].firstIndex(of: colon) ?? bytes.count
            let group = bytes[index..<end]
            if group.isEmpty {
                guard !sawGap else { return nil }
                sawGap = true
                index = end + 1
                continue
            }
            if group.contains(UInt8(ascii: ".")) {
                guard end == bytes.count, let quad = Self.dottedQuad(group) else { return nil }
                let groups = [UInt16(quad >> 16), UInt16(quad & 0xffff)]
                if sawGap { tail += groups } else { head += groups }
                index = end
                break
            }
            // A number's text may have a sign, a group may not.
            guard group.count <= 4, let value = UInt16(String(decoding: group, as: UTF8.self), radix: 16),
                group.first != UInt8(ascii: "+"), group.first != UInt8(ascii: "-")
            else { return nil }
            if sawGap { tail.append(value) } else { head.append(value) }
            guard end < bytes.count else {
                index = end
                break
            }
            index = end + 1
            // A single trailing colon names no group.
            if index == bytes.count { return nil }
            if bytes[index] == colon {
                guard !sawGap else { return nil }
                sawGap = true
                index += 1
            }
        }
        let count = head.count + tail.count
        guard sawGap ? count < 8 : count == 8 else { return nil }
        let groups = head + Array(repeating: 0, count: 8 - count) + tail
        let high = groups[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = groups[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        self.init(v6High: high, low: low)
    }

    /// Dotted quad, or the canonical form of RFC 5952.
    public var description: String {
        if family == .v6 { return v6Text }
        var text: [UInt8] = []
        text.append(self)
        return String(decoding: text, as: UTF8.self)
    }

    var v6Text: String {
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(16 * (3 - $0 % 4))) }
        // The longest run of at least two zero groups, the first of equals, is written as "::".
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = end + 1
        }
        let text = { (slice: ArraySlice<UInt16>) in slice.map { String($0, radix: 16) }.joined(separator: ":") }
        return best.isEmpty
            ? text(groups[...]) : "\(text(groups[..<best.lowerBound]))::\(text(groups[best.upperBound...]))"
    }
}
