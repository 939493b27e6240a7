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

    /// Adds a number, which is one in JSON as well.
    public mutating func bare(_ key: String, _ value: UInt64) {
        begin(key)
        bytes.append(decimal: value)
    }

    mutating func append(_ field: LogField) {
        switch field.kind {
        case .text: text(field.key, field.value)
        case .bare: bare(field.key, field.value)
        case .number:
            begin(field.key)
            append(field.value)
        }
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
        let civil = CivilTime(time)
        append(civil.year, 4, "-")
        append(civil.month, 2, "-")
        append(civil.day, 2, "T")
        append(civil.hour, 2, ":")
        append(civil.minute, 2, ":")
        append(civil.second, 2, ".")
        append(civil.nanosecond / 1000, 6, "Z")
    }

    private mutating func append(_ value: Int64, _ digitCount: Int, _ end: String) {
        bytes.append(decimal: value, digitCount: digitCount)
        append(end)
    }
}
