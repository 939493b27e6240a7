/// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses become IPv4 where `init(bytes:)` and `init(_:)` make one, so
/// that one peer has one spelling.
public struct IPAddress: Hashable, Sendable {
    /// The address family.
    public enum Family: UInt8, Sendable {
        case v4 = 4
        case v6 = 6
    }

    public let family: Family
    /// The first eight bytes of an IPv6 address in host order; zero for IPv4.
    public let high: UInt64
    /// The last eight bytes of an IPv6 address in host order; the 32 bits of an IPv4 address.
    public let low: UInt64

    /// The IPv4 address with these 32 bits in host order.
    public init(v4 bits: UInt32) {
        self.init(family: .v4, high: 0, low: UInt64(bits))
    }

    /// The IPv6 address with these 128 bits in host order; an IPv4-mapped one becomes IPv4.
    public init(v6High high: UInt64, low: UInt64) {
        if high == 0, low >> 32 == 0xffff {
            self.init(v4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(family: .v6, high: high, low: low)
        }
    }

    private init(family: Family, high: UInt64, low: UInt64) {
        self.family = family
        self.high = high
        self.low = low
    }

    /// The address in network byte order: 4 or 16 bytes, else nil. Many come at once, hence `@inlinable`.
    @inlinable public init?(bytes: some Collection<UInt8>) {
        let count = bytes.count
        var (high, low) = (UInt64(0), UInt64(0))
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        switch count {
        case 4: self.init(v4: UInt32(truncatingIfNeeded: low))
        case 16: self.init(v6High: high, low: low)
        default: return nil
        }
    }

    /// The address in network byte order: 4 or 16 bytes.
    public var bytes: [UInt8] {
        switch family {
        case .v4: (0..<4).map { UInt8(truncatingIfNeeded: low >> UInt64(8 * (3 - $0))) }
        case .v6:
            (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(8 * (7 - $0 % 8))) }
        }
    }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        switch family {
        case .v4: low >> 24 == 127
        case .v6: high == 0 && low == 1
        }
    }

    /// 0.0.0.0 or ::.
    public var isUnspecified: Bool { high == 0 && low == 0 }

    /// The number of bits of an address of this family: 32 or 128.
    public var bitCount: Int { family == .v4 ? 32 : 128 }
}

extension IPAddress: Comparable {
    /// IPv4 before IPv6, then by value.
    public static func < (a: IPAddress, b: IPAddress) -> Bool {
        (a.family.rawValue, a.high, a.low) < (b.family.rawValue, b.high, b.low)
    }
}
