/// A point in time by the Gregorian calendar, in UTC.
public struct CivilTime: Hashable, Sendable {
    public let year: Int64
    /// From 1.
    public let month: Int64
    /// From 1.
    public let day: Int64
    public let hour: Int64
    public let minute: Int64
    public let second: Int64
    /// Within the second.
    public let nanosecond: Int64
    /// From 0 for Sunday.
    public let weekday: Int64

    /// The date and time of day at this point.
    public init(_ time: WallTime) {
        let second = Self.floorDivide(time.nanoseconds, 1_000_000_000)
        let days = Self.floorDivide(second, 86_400)
        let clock = second - days * 86_400
        (hour, minute, self.second) = (clock / 3600, clock / 60 % 60, clock % 60)
        nanosecond = time.nanoseconds - second * 1_000_000_000
        // 1970-01-01 was a Thursday.
        weekday = days + 4 - Self.floorDivide(days + 4, 7) * 7
        // Eras of 400 years, years that begin in March.
        let shifted = days + 719_468
        let era = Self.floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : -((-a + b - 1) / b) }

    /// `2026-08-20T12:00:00Z` (RFC 3339).
    public var text: String {
        var bytes: [UInt8] = []
        let parts = [
            (year, 4, "-"), (month, 2, "-"), (day, 2, "T"), (hour, 2, ":"), (minute, 2, ":"), (second, 2, "Z"),
        ]
        for (value, digitCount, end) in parts {
            bytes.append(decimal: value, digitCount: digitCount)
            bytes += Array(end.utf8)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends a number in at least so many decimal digits; 0 for a negative one.
    public mutating func append(decimal value: Int64, digitCount: Int) {
        var room: Int64 = 1
        for _ in 1..<Swift.max(1, digitCount) {
            room *= 10
            if value < room { append(UInt8(ascii: "0")) }
        }
        append(decimal: UInt64(Swift.max(0, value)))
    }
}
