import Primitives

/// A domain name as it goes over the wire: labels of 1 to 63 bytes, each behind its length, and the root's zero (RFC
/// 1035 section 3.1). Its letters keep their case and are compared without it (RFC 4343).
public struct DNSName: Sendable {
    /// The name without compression; at most 255 bytes.
    public let wire: [UInt8]

    /// The name of the root.
    public static let root = DNSName(unchecked: [0])

    init(unchecked wire: [UInt8]) { self.wire = wire }

    /// A host name such as `cart.shop.svc.cluster.local`, with or without a dot at its end; nil when a label is empty
    /// or it is longer than a name can be. A backslash has no meaning here.
    public init?(_ hostname: some StringProtocol) {
        var text = Array(hostname.utf8)
        if text.last == UInt8(ascii: ".") { text.removeLast() }
        let labels = text.isEmpty ? [] : text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        var wire: [UInt8] = []
        for label in labels {
            guard (1...Limits.dnsLabelByteCountMax).contains(label.count) else { return nil }
            wire.append(UInt8(label.count))
            wire += label
        }
        guard wire.count < Limits.dnsNameByteCountMax else { return nil }
        self.wire = wire + [0]
    }

    /// The name as host names are written in the mesh: lower case, no dot at the end. Nil for the root, and for a name
    /// that no host can have, since a label holds a dot or what is not visible ASCII.
    public var hostname: String? {
        var text: [UInt8] = []
        text.reserveCapacity(wire.count)
        for label in labels {
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            for byte in label {
                guard (0x21...0x7e).contains(byte), byte != UInt8(ascii: ".") else { return nil }
                text.append(Self.lowercase(byte))
            }
        }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// From the leftmost one, without the root.
    public var labels: [ArraySlice<UInt8>] {
        var labels: [ArraySlice<UInt8>] = []
        var start = wire.startIndex
        while start < wire.endIndex, wire[start] > 0 {
            let end = start + 1 + Int(wire[start])
            labels.append(wire[start + 1..<end])
            start = end
        }
        return labels
    }

    /// Lengths are below the letters, so that all bytes can be folded alike.
    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

extension DNSName: Hashable {
    public static func == (a: DNSName, b: DNSName) -> Bool {
        a.wire.count == b.wire.count && zip(a.wire, b.wire).allSatisfy { lowercase($0) == lowercase($1) }
    }

    public func hash(into hasher: inout Hasher) {
        for byte in wire { hasher.combine(Self.lowercase(byte)) }
    }
}

extension DNSName: CustomStringConvertible {
    /// With a dot at the end; what would be misread is escaped (RFC 1035 section 5.1).
    public var description: String {
        guard wire.count > 1 else { return "." }
        var text = ""
        for label in labels {
            for byte in label {
                switch byte {
                case UInt8(ascii: "."), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
                case 0x21...0x7e: text += String(UnicodeScalar(byte))
                default: text += "\\" + String(repeating: "0", count: byte < 10 ? 2 : byte < 100 ? 1 : 0) + "\(byte)"
                }
            }
            text += "."
        }
        return text
    }
}
