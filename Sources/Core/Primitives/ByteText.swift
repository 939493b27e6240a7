// Texts that every connection has in its log line and its header fields, made of bytes at once and without strings in
// between.

extension [UInt8] {
    /// Appends a number in decimal digits.
    public mutating func append(decimal value: UInt64) {
        if value > 9 { append(decimal: value / 10) }
        append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10))
    }

    /// Appends the last `digitCount` hexadecimal digits of a number, in lower case.
    public mutating func append(hexadecimal value: UInt64, digitCount: Int) {
        for position in (0..<digitCount).reversed() {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * position)) & 15
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    /// Appends the form of `IPAddress.description`.
    public mutating func append(_ address: IPAddress) {
        guard address.family == .v4 else { return append(contentsOf: address.v6Text.utf8) }
        for shift in stride(from: 24, through: 0, by: -8) {
            append(decimal: address.low >> shift & 255)
            if shift > 0 { append(UInt8(ascii: ".")) }
        }
    }

    /// Appends the form of `Endpoint.description`.
    public mutating func append(_ endpoint: Endpoint) {
        let isBracketed = endpoint.address.family == .v6
        if isBracketed { append(UInt8(ascii: "[")) }
        append(endpoint.address)
        if isBracketed { append(UInt8(ascii: "]")) }
        append(UInt8(ascii: ":"))
        append(decimal: UInt64(endpoint.port))
    }
}
