import Primitives

/// The `traceparent` header (W3C Trace Context level 1): names one connection in the logs along its way.
public struct TraceParent: Hashable, Sendable {
    /// The trace's id, 128 bits.
    public var traceHigh: UInt64
    public var traceLow: UInt64
    /// The id of the span that calls.
    public var parent: UInt64
    /// Bit 0: the caller records the trace.
    public var flags: UInt8

    /// A fresh trace from three random words, not sampled; the ids that the standard forbids, all zeros, are avoided.
    public init(random traceHigh: UInt64, _ traceLow: UInt64, _ parent: UInt64) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow == 0 ? 1 : traceLow
        self.parent = parent == 0 ? 1 : parent
        flags = 0
    }

    /// Reads `00-TRACE-PARENT-FLAGS`: 55 bytes, dashes in their places, lower or upper case digits; nil for anything
    /// else. (A ztunnel looks at the length alone and dies of a header without dashes.)
    public init?(_ headerValue: some Collection<UInt8>) {
        let bytes = Array(headerValue.prefix(Self.byteCount + 1))
        let dash = UInt8(ascii: "-")
        guard bytes.count == Self.byteCount, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            Self.number(bytes[0..<2]) != nil, let traceHigh = Self.number(bytes[3..<19]),
            let traceLow = Self.number(bytes[19..<35]), let parent = Self.number(bytes[36..<52]),
            let flags = Self.number(bytes[53..<55])
        else { return nil }
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.parent = parent
        self.flags = UInt8(flags)
    }

    /// The header's value.
    public var encoded: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(Self.byteCount)
        text.append(contentsOf: "00-".utf8)
        text.append(hexadecimal: traceHigh, digitCount: 16)
        text.append(hexadecimal: traceLow, digitCount: 16)
        text.append(UInt8(ascii: "-"))
        text.append(hexadecimal: parent, digitCount: 16)
        text.append(UInt8(ascii: "-"))
        text.append(hexadecimal: UInt64(flags), digitCount: 2)
        return text
    }

    private static let byteCount = 55

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            guard let nibble = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
            value = value << 4 | UInt64(nibble)
        }
        return value
    }
}
