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
    public init(_ text: some StringProtocol) throws(Failure) {
        guard !text.isEmpty, text.utf8.allSatisfy(Self.isAllowed) else { throw .malformed }
        guard text.utf8.count <= Limits.authorityByteCountMax else { throw .unusable }
        let hostAndPort: Substring
        let hasUser: Bool
        if let at = text.lastIndex(of: "@") {
            hostAndPort = Substring(text[text.index(after: at)...])
            hasUser = true
        } else {
            hostAndPort = Substring(text)
            hasUser = false
        }
        let (host, port) = try Self.split(hostAndPort)
        guard let port = port.flatMap({ Endpoint.port($0) }), !host.isEmpty else { throw .unusable }
        if hasUser {
            self = .name(String(host), port: port)
        } else if host.first == "[" {
            guard let address = IPAddress(host.dropFirst().dropLast()), address.family == .v6 else { throw .unusable }
            self = .address(Endpoint(address, port: port))
        } else if let address = IPAddress(host) {
            self = .address(Endpoint(address, port: port))
        } else {
            self = .name(String(host), port: port)
        }
    }

    public var port: UInt16 {
        switch self {
        case .address(let endpoint): endpoint.port
        case .name(_, let port): port
        }
    }

    /// Host and port at the one colon outside brackets.
    private static func split(_ text: Substring) throws(Failure) -> (host: Substring, port: Substring?) {
        let isBracketed = text.first == "["
        var afterHost = text.startIndex
        if isBracketed {
            guard let close = text.firstIndex(of: "]") else { throw .malformed }
            afterHost = text.index(after: close)
        }
        guard !text[afterHost...].contains("["), !text[afterHost...].contains("]") else { throw .malformed }
        guard let colon = text[afterHost...].firstIndex(of: ":") else {
            guard !isBracketed || afterHost == text.endIndex else { throw .malformed }
            return (text, nil)
        }
        let port = text[text.index(after: colon)...]
        guard !port.contains(":"), !isBracketed || colon == afterHost else { throw .malformed }
        return (text[..<colon], port)
    }

    /// The characters of RFC 3986 section 3.2: unreserved, percent, sub-delimiters, and those that structure an
    /// authority.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~%!$&'()*+,;=:@[]".utf8.contains(byte)
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
