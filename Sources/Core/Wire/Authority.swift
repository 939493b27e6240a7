public import Primitives

/// What the `:authority` of a CONNECT request asks for.
public enum Authority: Hashable, Sendable {
    case address(Endpoint)
    /// A service by its host name, as the peer spelled it, and one of the service's ports.
    case name(String, port: UInt16)

    /// Why a text is no authority.
    public enum Failure: Error, Equatable, Sendable {
        /// Not the syntax of RFC 3986: the stream is reset with PROTOCOL_ERROR, as ztunnel's HTTP/2 library does.
        case malformed
        /// Well formed, but not a host and a port: the request is answered 400.
        case unusable
    }

    /// `IP:port` or `host:port`. Leading zeros of the port are allowed; an IPv4-mapped IPv6 address is not, since it
    /// would be a second spelling of an address that policies name; a user part makes whatever follows it a host name.
    /// Source: ztunnel.
    public init(_ text: some StringProtocol) throws(Failure) { try self.init(bytes: Array(text.utf8)) }

    /// The same of a header's value.
    public init(bytes text: [UInt8]) throws(Failure) {
        guard !text.isEmpty, text.allSatisfy(Self.isAllowed) else { throw .malformed }
        guard text.count <= Limits.authorityByteCountMax else { throw .unusable }
        let user = text.lastIndex(of: UInt8(ascii: "@"))
        let (host, digits) = try Self.split(user.map { text[($0 + 1)...] } ?? text[...])
        guard let port = digits.flatMap({ Endpoint.port(bytes: $0) }), !host.isEmpty else { throw .unusable }
        if user == nil, host.first == UInt8(ascii: "[") {
            guard let address = IPAddress(utf8: host.dropFirst().dropLast()), address.family == .v6 else {
                throw .unusable
            }
            self = .address(Endpoint(address, port: port))
        } else if user == nil, let address = IPAddress(utf8: host) {
            self = .address(Endpoint(address, port: port))
        } else {
            self = .name(String(decoding: host, as: UTF8.self), port: port)
        }
    }

    public var port: UInt16 {
        switch self {
        case .address(let endpoint): endpoint.port
        case .name(_, let port): port
        }
    }

    /// Host and port at the one colon outside brackets.
    private static func split(
        _ text: ArraySlice<UInt8>
    ) throws(Failure) -> (host: ArraySlice<UInt8>, port: ArraySlice<UInt8>?) {
        let (open, close, colon) = (UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"))
        let isBracketed = text.first == open
        var afterHost = text.startIndex
        if isBracketed {
            guard let end = text.firstIndex(of: close) else { throw .malformed }
            afterHost = end + 1
        }
        let rest = text[afterHost...]
        guard !rest.contains(open), !rest.contains(close) else { throw .malformed }
        guard let place = rest.firstIndex(of: colon) else {
            guard !isBracketed || rest.isEmpty else { throw .malformed }
            return (text, nil)
        }
        let port = text[(place + 1)...]
        guard !port.contains(colon), !isBracketed || place == afterHost else { throw .malformed }
        return (text[..<place], port)
    }

    /// The characters of RFC 3986 section 3.2: unreserved, percent, sub-delimiters, and those that structure an
    /// authority.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "$")...UInt8(ascii: "."):
            true
        case UInt8(ascii: "!"), UInt8(ascii: ":"), UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: "@"),
            UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}

extension Authority: CustomStringConvertible {
    /// The form that goes on the wire.
    public var description: String {
        switch self {
        case .address(let endpoint): endpoint.description
        case .name(let host, let port): "\(host):\(port)"
        }
    }
}
