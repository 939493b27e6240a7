import Glibc
import Identity
import Primitives
import Wire

extension FuzzTarget {
    /// The small texts of headers, certificates and resources.
    static let texts = FuzzTarget("texts") { bytes in
        let broken = ParserProperties.broken(by: bytes)
        check(broken.isEmpty, "\(broken)")
    }

    /// Addresses agree with the C library's reading of them, and networks with their bits.
    static let addresses = FuzzTarget("addresses") { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        if !bytes.contains(0) {
            let expected = text.contains(":") ? pton(AF_INET6, text, 16) : pton(AF_INET, text, 4)
            check(IPAddress(text) == expected.flatMap { IPAddress(bytes: $0) }, "an address means what it means to C")
        }
        if let prefix = IPPrefix(text) {
            for bit in 0..<prefix.address.bitCount {
                var flipped = prefix.address.bytes
                flipped[bit / 8] ^= 0x80 >> UInt8(bit % 8)
                guard let other = IPAddress(bytes: flipped), other.family == prefix.address.family else { continue }
                let isInside = bit >= Int(prefix.length)
                check(prefix.contains(other) == isInside, "a network is its leading bits")
                check((IPPrefix(other, length: Int(prefix.length))?.network == prefix.network) == isInside, "network")
            }
        }
        if let identity = SPIFFEID(text) {
            check(bytes.allSatisfy { $0 < 0x80 }, "an identity is ASCII")
            check("spiffe://\(identity.principal)" == text, "a principal is the identity without its scheme")
            let parts = [identity.trustDomain, identity.namespace, identity.serviceAccount]
            check(parts.allSatisfy { !$0.contains("/") }, "a part of an identity is one part")
        }
    }

    private static func pton(_ family: CInt, _ text: String, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(family, text, &bytes) == 1 else { return nil }
        return Array(bytes.prefix(count))
    }

    /// A PROXY header says what it was made of, read as its specification says.
    static let proxyProtocol = FuzzTarget("proxy-protocol") { bytes in
        var choices = Choices(bytes)
        let ends = (0..<2).map { _ in
            let address = IPAddress(bytes: choices.take(choices.oneIn(2) ? 16 : 4)) ?? IPAddress(v4: 0)
            return Endpoint(address, port: UInt16(choices.below(65536)))
        }
        // Long identities are made of a few bytes, so that the limit of the length is reached.
        let repeatCount = choices.oneIn(4) ? choices.below(65536) : 1
        let unit = String(decoding: choices.rest(), as: UTF8.self)
        let identity =
            unit.isEmpty ? nil : String(repeating: unit, count: min(repeatCount, 70_000 / unit.utf8.count + 1))
        let header = ProxyProtocol.header(source: ends[0], destination: ends[1], identity: identity)
        let length = Int(header[14]) << 8 | Int(header[15])
        check(header.count == 16 + length && header[12] == 0x21, "the length is that of what follows")
        let family = ends[0].address.family
        var rest = header[16...]
        if ends[1].address.family == family {
            check(header[13] == (family == .v4 ? 0x11 : 0x21), "the family is that of both addresses")
            let size = family == .v4 ? 4 : 16
            check(IPAddress(bytes: rest.prefix(size)) == ends[0].address, "the source comes first")
            check(IPAddress(bytes: rest.dropFirst(size).prefix(size)) == ends[1].address, "then the destination")
            let ports = rest.dropFirst(2 * size).prefix(4).reduce(0) { $0 << 8 | Int($1) }
            check(ports == Int(ends[0].port) << 16 | Int(ends[1].port), "then the ports")
            rest = rest.dropFirst(2 * size + 4)
        } else {
            check(header[13] == 0, "two families are unspecified")
        }
        guard let identity else { return check(rest.isEmpty, "no identity, no TLV") }
        // A whole identity or none: half of one would be another's.
        guard !rest.isEmpty else { return check(identity.utf8.count > 65_000, "an identity that fits is told") }
        check(rest.first == 0xd0 && Array(rest.dropFirst(3)) == Array(identity.utf8), "the identity follows whole")
    }
}
