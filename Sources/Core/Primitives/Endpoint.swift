/// An IP address and a port.
public struct Endpoint: Hashable, Sendable {
    public var address: IPAddress
    public var port: UInt16

    public init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// `1.2.3.4:80` or `[::1]:80`; nil for anything else, names and unbracketed IPv6 included.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
            return nil
        }
        let host = text[..<colon]
        if host.first == "[", host.last == "]", host.utf8.count > 2 {
            guard let address = IPAddress(host.dropFirst().dropLast()), host.contains(":") else { return nil }
            self.init(address, port: port)
        } else {
            guard !host.contains(":"), let address = IPAddress(host) else { return nil }
            self.init(address, port: port)
        }
    }

    /// A decimal port number of at most five digits after leading zeros; nil above 65535.
    public static func port(_ text: some StringProtocol) -> UInt16? {
        guard !text.isEmpty, text.utf8.count <= 16,
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return UInt16(text)
    }
}

extension Endpoint: CustomStringConvertible {
    public var description: String { address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
