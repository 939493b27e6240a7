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
