public import Primitives

/// Writes a message of at most so many bytes. What does not fit is left out, and the message says so (TC).
public struct DNSWriter {
    private var bytes: [UInt8]
    private var header: DNSHeader
    private let code: DNSHeader.Code
    private let edns: DNSExtension?
    private let byteCountMax: Int
    /// Where names stand that later ones may point to.
    private var offsets: [DNSName: Int] = [:]
    private var answerCount: UInt16 = 0

    /// - Parameters:
    ///   - code: The whole code of an answer, of which the header has the lower half.
    ///   - byteCountMax: It is at least what header, questions and `edns` take.
    public init(
        _ header: DNSHeader, code: DNSHeader.Code = .noError, questions: [DNSMessage.Question],
        edns: DNSExtension? = nil,
        byteCountMax: Int = Limits.dnsMessageByteCountMax
    ) {
        self.header = header
        self.header.code = code
        self.code = code
        self.edns = edns
        self.byteCountMax =
            min(byteCountMax, Limits.dnsMessageByteCountMax) - (edns == nil ? 0 : DNSExtension.byteCount)
        bytes = [UInt8](repeating: 0, count: DNSHeader.byteCount)
        put(UInt16(clamping: questions.count), at: 4)
        for question in questions {
            append(question.name)
            append(question.type.rawValue)
            append(question.recordClass)
        }
    }

    /// Adds an address to the answer section; false when it does not fit.
    public mutating func append(_ name: DNSName, _ address: IPAddress, timeToLive: UInt32) -> Bool {
        append(name, address.family == .v4 ? .a : .aaaa, timeToLive) { $0.bytes += address.bytes }
    }

    /// Adds an alias to the answer section; false when it does not fit.
    public mutating func append(_ name: DNSName, aliasOf target: DNSName, timeToLive: UInt32) -> Bool {
        append(name, .cname, timeToLive) { $0.append(target) }
    }

    /// The message.
    public consuming func finish() -> [UInt8] {
        put(header.id, at: 0)
        put(header.flags, at: 2)
        put(answerCount, at: 6)
        guard let edns else { return bytes }
        put(1, at: 10)
        return bytes + edns.encoded(code)
    }

    private mutating func append(
        _ name: DNSName, _ type: DNSType, _ timeToLive: UInt32, data: (inout DNSWriter) -> Void
    ) -> Bool {
        guard !header.isTruncated, answerCount < .max else { return false }
        let (start, known) = (bytes.count, offsets)
        append(name)
        append(type.rawValue)
        append(1)
        append(UInt16(timeToLive >> 16))
        append(UInt16(timeToLive & 0xffff))
        let length = bytes.count
        append(0)
        data(&self)
        put(UInt16(bytes.count - length - 2), at: length)
        guard bytes.count <= byteCountMax else {
            bytes.removeSubrange(start...)
            offsets = known
            header.isTruncated = true
            return false
        }
        answerCount += 1
        return true
    }

    /// The whole name, or a pointer to where it stands already.
    private mutating func append(_ name: DNSName) {
        if let offset = offsets[name] { return append(0xc000 | UInt16(offset)) }
        if bytes.count < 0x4000, name.wire.count > 2 { offsets[name] = bytes.count }
        bytes += name.wire
    }

    private mutating func append(_ value: UInt16) {
        bytes.append(UInt8(value >> 8))
        bytes.append(UInt8(value & 0xff))
    }

    private mutating func put(_ value: UInt16, at offset: Int) {
        bytes[offset] = UInt8(value >> 8)
        bytes[offset + 1] = UInt8(value & 0xff)
    }
}
