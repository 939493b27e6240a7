public import Primitives

/// The date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
public enum HTTPDate {
    /// The date in the one form that may be sent.
    /// The text of a time, in whole seconds.
    public static func text(_ time: WallTime) -> String {
        let (day, second) = (floorDivide(time.seconds, 86_400), floorModulo(time.seconds, 86_400))
        let (year, month, dayOfMonth) = civil(day)
        // 1970-01-01 was a Thursday.
        let name = dayNames[Int(floorModulo(day + 4, 7))]
        let clock = "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        return "\(name), \(two(dayOfMonth)) \(monthNames[Int(month - 1)]) \(four(year)) \(clock) GMT"
    }

    /// Year, month and day of a count of days since 1970-01-01, in the Gregorian calendar with March as the first
    /// month.
    private static func civil(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = floorModulo(shifted, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : -((-a + b - 1) / b) }
    private static func floorModulo(_ a: Int64, _ b: Int64) -> Int64 { a - floorDivide(a, b) * b }
    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    private static func four(_ value: Int64) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, 4 - text.count)) + text
    }

    private static let dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
