/// The value of `grpc-timeout`: at most eight digits and a unit.
enum RPCTimeout {
    static func encode(_ span: Duration) -> String {
        let (seconds, attoseconds) = span.components
        guard seconds >= 0, attoseconds >= 0 else { return "0n" }
        if seconds < 100 {
            return String(seconds * 1_000_000 + attoseconds / 1_000_000_000_000) + "u"
        }
        if seconds < 100_000 { return String(seconds * 1000 + attoseconds / 1_000_000_000_000_000) + "m" }
        return String(min(seconds, 99_999_999)) + "S"
    }

    /// Nil for anything else.
    static func parse(_ text: String) -> Duration? {
        let digits = text.dropLast()
        guard (1...8).contains(digits.utf8.count), digits.utf8.allSatisfy(isDigit), let amount = Int64(digits) else {
            return nil
        }
        switch text.last {
        case "H": return .seconds(amount * 3600)
        case "M": return .seconds(amount * 60)
        case "S": return .seconds(amount)
        case "m": return .milliseconds(amount)
        case "u": return .microseconds(amount)
        case "n": return .nanoseconds(amount)
        default: return nil
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
