public import Primitives

/// The date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
public enum HTTPDate {
    /// The text of a time, in whole seconds.
    public static func text(_ time: WallTime) -> String {
        let civil = CivilTime(time)
        var bytes = Array("\(dayNames[Int(civil.weekday)]), ".utf8)
        bytes.append(decimal: civil.day, digitCount: 2)
        bytes += Array(" \(monthNames[Int(civil.month - 1)]) ".utf8)
        for (value, digitCount, end) in [
            (civil.year, 4, " "), (civil.hour, 2, ":"), (civil.minute, 2, ":"), (civil.second, 2, " GMT"),
        ] {
            bytes.append(decimal: value, digitCount: digitCount)
            bytes += Array(end.utf8)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
