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

    /// The line with its line feed, in UTF-8.
    public func rendered(_ format: LogFormat) -> [UInt8] {
        var line = LogLine()
        switch format {
        case .plain:
            line.append(time)
            for part in ["\t", level.name, "\t", scope, "\t", message, "\t"] { line.append(part) }
            var isFirst = true
            for field in fields {
                if !isFirst { line.append(" ") }
                isFirst = false
                line.append(field.key)
                line.append("=")
                if field.isQuoted { line.appendQuoted(field.value) } else { line.append(field.value) }
            }
        case .json:
            for part in ["{\"level\":\"", level.name, "\",\"time\":\""] { line.append(part) }
            line.append(time)
            line.append("\",\"scope\":")
            // Connections are told from the modules of the program, as ztunnel does it.
            line.appendQuoted(scope == "access" ? scope : "ztunnel::\(scope)")
            line.append(",\"message\":")
            line.appendQuoted(message)
            for field in fields {
                line.append(",")
                line.appendQuoted(field.key)
                line.append(":")
                line.appendQuoted(field.value)
            }
            line.append("}")
        }
        line.append("\n")
        return line.bytes
    }
}
