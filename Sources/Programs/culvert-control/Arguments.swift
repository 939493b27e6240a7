/// The command line: a command, and options that each take a value.
struct Arguments {
    private(set) var command: String?
    private var values: [String: [String]] = [:]

    /// Options are `--name value` or `--name=value`; what comes first and is none is the command.
    init(_ words: [String], options: Set<String>) throws(UsageError) {
        var rest = words[...]
        if let first = rest.first, !first.hasPrefix("-") {
            command = first
            rest = rest.dropFirst()
        }
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts[0].hasPrefix("--"), options.contains(String(parts[0].dropFirst(2))) else {
                throw UsageError("unknown argument \(word)")
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw UsageError("\(word) needs a value")
            }
            values[String(parts[0].dropFirst(2)), default: []].append(value)
        }
    }

    func required(_ name: String) throws(UsageError) -> String {
        guard let value = values[name]?.last else { throw UsageError("--\(name) is missing") }
        return value
    }

    func optional(_ name: String) -> String? { values[name]?.last }

    func all(_ name: String) -> [String] { values[name] ?? [] }
}

/// Why a command line makes no sense.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
