/// The type of a record or a question.
public struct DNSType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let a = DNSType(rawValue: 1)
    public static let cname = DNSType(rawValue: 5)
    public static let soa = DNSType(rawValue: 6)
    public static let aaaa = DNSType(rawValue: 28)
    public static let opt = DNSType(rawValue: 41)
    /// Transfers of a zone, whose answers are many messages.
    public static let ixfr = DNSType(rawValue: 251)
    public static let axfr = DNSType(rawValue: 252)
}

extension DNSType {
    /// Whether it has a name here.
    public var isNamed: Bool { name != nil }

    private var name: String? {
        switch rawValue {
        case 1: "A"
        case 2: "NS"
        case 5: "CNAME"
        case 6: "SOA"
        case 12: "PTR"
        case 15: "MX"
        case 16: "TXT"
        case 28: "AAAA"
        case 33: "SRV"
        case 41: "OPT"
        case 65: "HTTPS"
        case 251: "IXFR"
        case 252: "AXFR"
        case 255: "ANY"
        default: nil
        }
    }
}

extension DNSType: CustomStringConvertible {
    /// `A`, `AAAA`, …; `TYPE65` where there is no name here (RFC 3597).
    public var description: String { name ?? "TYPE\(rawValue)" }
}
