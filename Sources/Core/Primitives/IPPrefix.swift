/// An IP network in CIDR form. Host bits may be set in the address; they are ignored by `contains` and kept in
/// `address`.
public struct IPPrefix: Hashable, Sendable {
    public let address: IPAddress
    /// The number of leading bits that count: 0 to 32 or 128.
    public let length: UInt8

    /// Nil when `length` exceeds the family's bit count.
    public init?(_ address: IPAddress, length: Int) {
        guard length >= 0, length <= address.bitCount else { return nil }
        self.address = address
        self.length = UInt8(length)
    }

    /// The network of a single address.
    public init(host address: IPAddress) {
        self.address = address
        length = UInt8(address.bitCount)
    }

    /// `ADDRESS` or `ADDRESS/LENGTH`.
    public init?(_ text: some StringProtocol) {
        guard let slash = text.firstIndex(of: "/") else {
            guard let address = IPAddress(text) else { return nil }
            self.init(host: address)
            return
        }
        let digits = text[text.index(after: slash)...]
        guard let address = IPAddress(text[..<slash]), digits.utf8.count <= 3,
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let length = Int(digits)
        else { return nil }
        self.init(address, length: length)
    }

    /// Whether the prefix covers exactly one address.
    public var isHost: Bool { Int(length) == address.bitCount }

    /// Whether `other` lies in this network; never across families.
    public func contains(_ other: IPAddress) -> Bool {
        guard other.family == address.family else { return false }
        if address.family == .v4 {
            let shift = 32 - UInt64(length)
            return address.low >> shift == other.low >> shift
        }
        if length <= 64 {
            // Smart shifts: a shift by 64 gives zero, so a length of 0 matches all.
            let shift = 64 - UInt64(length)
            return address.high >> shift == other.high >> shift
        }
        let shift = 128 - UInt64(length)
        return address.high == other.high && address.low >> shift == other.low >> shift
    }
}

extension IPPrefix: CustomStringConvertible {
    public var description: String { "\(address)/\(length)" }
}
