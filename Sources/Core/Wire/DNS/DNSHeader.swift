/// The id and the flags at the head of a message (RFC 1035 section 4.1.1).
public struct DNSHeader: Hashable, Sendable {
    /// How a question was answered.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let noError = Code(rawValue: 0)
        public static let formatError = Code(rawValue: 1)
        public static let serverFailure = Code(rawValue: 2)
        public static let noSuchName = Code(rawValue: 3)
        public static let notImplemented = Code(rawValue: 4)
        public static let refused = Code(rawValue: 5)
        /// An unknown version of EDNS; its upper bits are in the OPT record (RFC 6891).
        public static let badVersion = Code(rawValue: 16)
    }

    public static let byteCount = 12

    public var id: UInt16
    private var bits: UInt16

    public init(id: UInt16, bits: UInt16 = 0) {
        self.id = id
        self.bits = bits
    }

    /// The flags as they go over the wire.
    public var flags: UInt16 { bits }

    public var isResponse: Bool {
        get { self[15] }
        set { self[15] = newValue }
    }

    /// 0 is a question.
    public var opcode: UInt8 { UInt8(bits >> 11 & 0xf) }

    public var isAuthoritative: Bool {
        get { self[10] }
        set { self[10] = newValue }
    }

    public var isTruncated: Bool {
        get { self[9] }
        set { self[9] = newValue }
    }

    public var desiresRecursion: Bool {
        get { self[8] }
        set { self[8] = newValue }
    }

    public var offersRecursion: Bool {
        get { self[7] }
        set { self[7] = newValue }
    }

    /// The lower four bits of the code.
    public var code: Code {
        get { Code(rawValue: UInt8(bits & 0xf)) }
        set { bits = bits & 0xfff0 | UInt16(newValue.rawValue & 0xf) }
    }

    /// The header of an answer to the message with this one: opcode and the wish for recursion are the client's.
    public func response(_ code: Code) -> DNSHeader {
        var header = DNSHeader(id: id, bits: bits & 0x7800)
        header.isResponse = true
        header.desiresRecursion = desiresRecursion
        header.code = code
        return header
    }

    private subscript(bit: UInt16) -> Bool {
        get { bits >> bit & 1 == 1 }
        set { bits = newValue ? bits | 1 << bit : bits & ~(1 << bit) }
    }
}

extension DNSHeader.Code: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noError: "NOERROR"
        case .formatError: "FORMERR"
        case .serverFailure: "SERVFAIL"
        case .noSuchName: "NXDOMAIN"
        case .notImplemented: "NOTIMP"
        case .refused: "REFUSED"
        case .badVersion: "BADVERS"
        default: "RCODE\(rawValue)"
        }
    }
}
