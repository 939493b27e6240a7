/// Why a text is not the YAML it was taken for, and where.
public struct YAMLError: Error, Hashable, Sendable {
    /// The line, counted from 1.
    public var line: Int
    public var reason: String

    public init(line: Int, reason: String) {
        self.line = line
        self.reason = reason
    }
}

extension YAMLError: CustomStringConvertible {
    public var description: String { "line \(line): \(reason)" }
}
