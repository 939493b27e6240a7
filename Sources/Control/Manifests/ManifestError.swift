public import YAML

/// Why a manifest is refused, and where.
public struct ManifestError: Error, Hashable, Sendable {
    public var file: String
    /// The line, counted from 1; nil when the file as a whole is meant.
    public var line: Int?
    /// Whose document it is; nil where that cannot be read.
    public var object: ObjectKey?
    public var reason: String

    public init(file: String, line: Int?, object: ObjectKey? = nil, reason: String) {
        self.file = file
        self.line = line
        self.object = object
        self.reason = reason
    }

    public init(file: String, _ error: YAMLError) {
        self.init(file: file, line: error.line, reason: error.reason)
    }
}

extension ManifestError: CustomStringConvertible {
    public var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return object.map { "\(place): \($0): \(reason)" } ?? "\(place): \(reason)"
    }
}
