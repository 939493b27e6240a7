public import Primitives

/// One line under construction. Every connection ends with one, so it is made of bytes at once and without strings in
/// between.
public struct LogLine {
    private var bytes: [UInt8] = []
    private let format: LogFormat
    private var hasFields = false

    init(_ format: LogFormat, time: WallTime, level: LogLevel, scope: String, message: String) {
        self.format = format
        bytes.reserveCapacity(Limits.logLineRoomByteCount)
        switch format {
        case .plain:
            append(time)
            for part in ["\t", level.name, "\t", scope, "\t", message, "\t"] { append(part) }
        case .json:
            for part in ["{\"level\":\"", level.name, "\",\"time\":\""] { append(part) }
            append(time)
            append("\",\"scope\":")
            // Connections are told from the modules of the program, as ztunnel does it.
            appendQuoted(scope == "access" ? scope : "ztunnel::\(scope)")
            append(",\"message\":")
            appendQuoted(message)
        }
    }

    /// The line with its line feed, in UTF-8.
    consuming func finish() -> [UInt8] {
        append(format == .json ? "}\n" : "\n")
        return bytes
    }

    // MARK: Fields

    /// Adds a field whose value is quoted.
    public mutating func text(_ key: String, _ value: String) { text(key) { $0.append(escaping: value) } }

    /// Adds a field whose value is quoted; `value` appends its parts.
    public mutating func text(_ key: String, _ value: (inout LogLine) -> Void) {
        begin(key)
        bytes.append(UInt8(ascii: "\""))
        value(&self)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Adds a field whose value is not quoted.
    public mutating func bare(_ key: String, _ value: String) {
        bare(key) { $0.format == .json ? $0.append(escaping: value) : $0.append(value) }
    }

    /// Adds an endpoint.
    public mutating func bare(_ key: String, _ value: Endpoint) { bare(key) { $0.bytes.append(value) } }

    /// Adds a number.
    public mutating func bare(_ key: String, _ value: UInt64) { bare(key) { $0.bytes.append(decimal: value) } }

    mutating func append(_ field: LogField) {
        if field.isQuoted { text(field.key, field.value) } else { bare(field.key, field.value) }
    }

    private mutating func begin(_ key: String) {
        switch format {
        case .plain:
            if hasFields { append(" ") }
            append(key)
            append("=")
        case .json:
            append(",")
            appendQuoted(key)
            append(":")
        }
        hasFields = true
    }

    private mutating func bare(_ key: String, _ value: (inout LogLine) -> Void) {
        begin(key)
        if format == .json { append("\"") }
        value(&self)
        if format == .json { append("\"") }
    }

    // MARK: Parts

    /// Appends a part of a quoted value.
    public mutating func append(escaping text: String) {
        guard text.utf8.contains(where: Self.isEscaped) else { return append(text) }
        for byte in text.utf8 {
            if Self.isEscaped(byte) { appendEscaped(byte) } else { bytes.append(byte) }
        }
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func appendQuoted(_ text: String) {
        append("\"")
        append(escaping: text)
        append("\"")
    }

    /// RFC 8259 7.
    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case UInt8(ascii: "\n"): append("\\n")
        case UInt8(ascii: "\r"): append("\\r")
        case UInt8(ascii: "\t"): append("\\t")
        default:
            append("\\u00")
            bytes.append(hexadecimal: UInt64(byte), digitCount: 2)
        }
    }

    /// Appends `2026-08-20T12:00:00.123456Z` (RFC 3339).
    private mutating func append(_ time: WallTime) {
        let second = (time.nanoseconds >= 0 ? time.nanoseconds : time.nanoseconds - 999_999_999) / 1_000_000_000
        let micro = (time.nanoseconds - second * 1_000_000_000) / 1000
        let days = (second >= 0 ? second : second - 86_399) / 86_400
        let clock = second - days * 86_400
        let date = Self.civil(days)
        append(date.year, 4, "-")
        append(date.month, 2, "-")
        append(date.day, 2, "T")
        append(clock / 3600, 2, ":")
        append(clock / 60 % 60, 2, ":")
        append(clock % 60, 2, ".")
        append(micro, 6, "Z")
    }

    private mutating func append(_ value: Int64, _ width: Int, _ end: String) {
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
        append(end)
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
