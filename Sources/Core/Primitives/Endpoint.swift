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
        port(bytes: Array(text.utf8)[...])
    }

    /// The same of UTF-8.
    public static func port(bytes: ArraySlice<UInt8>) -> UInt16? {
        guard !bytes.isEmpty, bytes.count <= 16 else { return nil }
        var port: UInt32 = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            port = port * 10 + UInt32(byte - UInt8(ascii: "0"))
            guard port <= UInt16.max else { return nil }
        }
        return UInt16(port)
    }
}

extension Endpoint: CustomStringConvertible {
    public var description: String {
        var text: [UInt8] = []
        text.append(self)
        return String(decoding: text, as: UTF8.self)
    }
}
