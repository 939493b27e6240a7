public import YAML

/// Why a manifest is refused, and where.
public struct ManifestError: Error, Hashable, Sendable {
    public var file: String
    /// The line, counted from 1; nil when the file as a whole is meant.
    public var line: Int?
    public var reason: String

    public init(file: String, line: Int?, reason: String) {
        self.file = file
        self.line = line
        self.reason = reason
    }

    public init(file: String, _ error: YAMLError) {
        self.init(file: file, line: error.line, reason: error.reason)
    }
}

extension ManifestError: CustomStringConvertible {
    public var description: String {
        if let line { "\(file):\(line): \(reason)" } else { "\(file): \(reason)" }
    }
}
