/// What an OPT record says (RFC 6891 section 6.1); its options are not looked at.
public struct DNSExtension: Hashable, Sendable {
    /// The largest datagram that its sender takes, in bytes.
    public var datagramByteCount: UInt16
    public var version: UInt8
    /// Whether the sender wants DNSSEC records.
    public var wantsSignatures: Bool

    public init(datagramByteCount: UInt16, version: UInt8 = 0, wantsSignatures: Bool = false) {
        self.datagramByteCount = datagramByteCount
        self.version = version
        self.wantsSignatures = wantsSignatures
    }

    /// That of a message; nil without one. Two of them, and one that is not the root's, are an error.
    init?(in records: [DNSMessage.Record]) throws(DNSFailure) {
        let found = records.filter { $0.type == .opt && $0.section == .additional }
        guard let record = found.first else { return nil }
        guard found.count == 1, record.name == .root else { throw .record }
        self.init(
            datagramByteCount: record.recordClass, version: UInt8(record.timeToLive >> 16 & 0xff),
            wantsSignatures: record.timeToLive >> 15 & 1 == 1)
    }

    /// The bytes of an OPT record without options.
    static let byteCount = 11

    /// - Parameter code: The answer's code, whose upper bits go here.
    func encoded(_ code: DNSHeader.Code) -> [UInt8] {
        let size = datagramByteCount
        return [
            0, 0, 41, UInt8(size >> 8), UInt8(size & 0xff), code.rawValue >> 4, version, wantsSignatures ? 0x80 : 0,
        ]
            + [0, 0, 0]
    }
}
