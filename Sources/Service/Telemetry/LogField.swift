/// One value of a log line.
public struct LogField: Equatable, Sendable {
    enum Kind: Sendable {
        /// Quoted.
        case text
        /// Quoted in JSON only: an address, say.
        case bare
        /// Never quoted.
        case number
    }

    let key: String
    let value: String
    let kind: Kind

    /// A field whose value is quoted.
    public static func text(_ key: String, _ value: String) -> LogField {
        .init(key: key, value: value, kind: .text)
    }

    /// A field whose value is quoted in JSON only.
    public static func bare(_ key: String, _ value: some CustomStringConvertible) -> LogField {
        .init(key: key, value: value.description, kind: .bare)
    }

    /// A number.
    public static func bare(_ key: String, _ value: some BinaryInteger) -> LogField {
        .init(key: key, value: value.description, kind: .number)
    }

    /// True or false.
    public static func bare(_ key: String, _ value: Bool) -> LogField {
        .init(key: key, value: value.description, kind: .number)
    }
}

/// How log lines look; both forms are ztunnel's.
public enum LogFormat: Sendable {
    /// `TIME⇥level⇥scope⇥message⇥key=value key="value"`.
    case plain
    /// One JSON object a line, with the fields flat beside `level`, `time`, `scope` and `message`.
    case json
}
