public import Primitives

/// The PROXY protocol header, version 2, that an application tunnel begins with.
/// Source: haproxy's proxy-protocol.txt section 2.2; the type of the identity is Istio's.
public enum ProxyProtocol {
    /// The header for a TCP connection from `source` to `destination`; the peer's identity, where it has one, follows
    /// as a TLV of type 0xD0 with the whole URI. Addresses of different families cannot be told: the header then says
    /// UNSPEC.
    public static func header(source: Endpoint, destination: Endpoint, identity: String?) -> [UInt8] {
        var body: [UInt8] = []
        let family: UInt8
        if source.address.family == destination.address.family {
            family = source.address.family == .v4 ? 0x11 : 0x21
            body += source.address.bytes + destination.address.bytes
            body += bigEndian(source.port) + bigEndian(destination.port)
        } else {
            family = 0x00
        }
        if let identity, let length = UInt16(exactly: identity.utf8.count), Int(length) + body.count + 3 <= UInt16.max {
            body += [0xd0] + bigEndian(length) + Array(identity.utf8)
        }
        return signature + [0x21, family] + bigEndian(UInt16(body.count)) + body
    }

    private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]

    private static func bigEndian(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
}
