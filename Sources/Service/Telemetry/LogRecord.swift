public import Primitives

/// One value of a log line.
public struct LogField: Equatable, Sendable {
    public let key: String
    public let value: String
    /// Text is quoted; addresses and numbers are not.
    public let isQuoted: Bool

    /// A field whose value is quoted.
    public static func text(_ key: String, _ value: String) -> LogField {
        .init(key: key, value: value, isQuoted: true)
    }

    /// A field whose value is not quoted.
    public static func bare(_ key: String, _ value: some CustomStringConvertible) -> LogField {
        .init(key: key, value: value.description, isQuoted: false)
    }
}

/// How log lines look; both forms are ztunnel's.
public enum LogFormat: Sendable {
    /// `TIME⇥level⇥scope⇥message⇥key=value key="value"`.
    case plain
    /// One JSON object a line, with the fields flat beside `level`, `time`, `scope` and `message`.
    case json
}

/// One log line before it has a form.
public struct LogRecord: Sendable {
    public var time: WallTime
    public var level: LogLevel
    public var scope: String
    public var message: String
    public var fields: [LogField]

    public init(time: WallTime, level: LogLevel, scope: String, message: String, fields: [LogField]) {
        self.time = time
        self.level = level
        self.scope = scope
        self.message = message
        self.fields = fields
    }

    /// The line with its line feed.
    public func rendered(_ format: LogFormat) -> String {
        switch format {
        case .plain:
            let fields = fields.map { "\($0.key)=\($0.isQuoted ? Self.quoted($0.value) : $0.value)" }
            return "\(time.rfc3339)\t\(level.name)\t\(scope)\t\(message)\t\(fields.joined(separator: " "))\n"
        case .json:
            // Connections are told from the modules of the program, as ztunnel does it.
            let scope = scope == "access" ? scope : "ztunnel::\(scope)"
            var text = "{\"level\":\"\(level.name)\",\"time\":\"\(time.rfc3339)\",\"scope\":\(Self.quoted(scope))"
            text += ",\"message\":\(Self.quoted(message))"
            for field in fields { text += ",\(Self.quoted(field.key)):\(Self.quoted(field.value))" }
            return text + "}\n"
        }
    }

    /// A JSON string (RFC 8259 7).
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension WallTime {
    /// `2026-08-20T12:00:00.123456Z` (RFC 3339).
    public var rfc3339: String {
        let second = (nanoseconds >= 0 ? nanoseconds : nanoseconds - 999_999_999) / 1_000_000_000
        let micro = (nanoseconds - second * 1_000_000_000) / 1000
        let days = (second >= 0 ? second : second - 86_399) / 86_400
        let clock = second - days * 86_400
        let date = Self.civil(days)
        return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))"
            + "T\(Self.padded(clock / 3600, 2)):\(Self.padded(clock / 60 % 60, 2)):\(Self.padded(clock % 60, 2))"
            + ".\(Self.padded(micro, 6))Z"
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

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
