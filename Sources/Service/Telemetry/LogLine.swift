import Primitives

/// One line under construction. Every connection ends with one, so it is made of bytes at once and without strings in
/// between.
struct LogLine {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(512) }

    mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// Appends a JSON string (RFC 8259 7).
    mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20: appendEscaped(byte)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\n"): append("\\n")
        case UInt8(ascii: "\r"): append("\\r")
        case UInt8(ascii: "\t"): append("\\t")
        default:
            append("\\u00")
            for digit in [byte >> 4, byte & 15] {
                bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }

    /// Appends `2026-08-20T12:00:00.123456Z` (RFC 3339).
    mutating func append(_ time: WallTime) {
        let second = (time.nanoseconds >= 0 ? time.nanoseconds : time.nanoseconds - 999_999_999) / 1_000_000_000
        let micro = (time.nanoseconds - second * 1_000_000_000) / 1000
        let days = (second >= 0 ? second : second - 86_399) / 86_400
        let clock = second - days * 86_400
        let date = Self.civil(days)
        for (value, width, end) in [
            (date.year, 4, "-"), (date.month, 2, "-"), (date.day, 2, "T"), (clock / 3600, 2, ":"),
            (clock / 60 % 60, 2, ":"), (clock % 60, 2, "."), (micro, 6, "Z"),
        ] {
            append(value, width)
            append(end)
        }
    }

    private mutating func append(_ value: Int64, _ width: Int) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        var rest = value
        while divisor > 0 {
            // A year of five digits keeps them all: only the first place may pass nine.
            let digit = rest / divisor
            if digit > 9 { append(String(digit)) } else { bytes.append(UInt8(ascii: "0") + UInt8(max(0, digit))) }
            rest %= divisor
            divisor /= 10
        }
    }

    /// The Gregorian date so many days after 1970-01-01: eras of 400 years, years that begin in March.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}
