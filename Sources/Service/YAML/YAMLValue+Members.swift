// Reading members of a mapping that may be absent: null counts as absent, another type is an error with its line.
extension YAMLValue {
    /// The value under `key`; this value must be a mapping.
    public func member(_ key: String) throws(YAMLError) -> YAMLValue? {
        _ = try mapping()
        return self[key]
    }

    /// The string under `key`.
    public func string(at key: String) throws(YAMLError) -> String? { try member(key)?.string() }

    /// The boolean under `key`.
    public func bool(at key: String) throws(YAMLError) -> Bool? { try member(key)?.bool() }

    /// The integer under `key`, in `range`.
    public func integer(at key: String, in range: ClosedRange<Int>) throws(YAMLError) -> Int? {
        try member(key)?.integer(in: range)
    }

    /// The elements of a list; none when it is absent.
    public func elements(at key: String) throws(YAMLError) -> [YAMLValue] { try member(key)?.sequence() ?? [] }

    /// The strings of a list; none when it is absent.
    public func stringList(at key: String) throws(YAMLError) -> [String] { try member(key)?.stringList() ?? [] }

    /// A mapping of strings to strings; empty when it is absent.
    public func strings(at key: String) throws(YAMLError) -> [String: String] { try member(key)?.strings() ?? [:] }

    /// Refuses keys beyond those named: what is not understood must not be passed over.
    public func allowOnly(_ keys: Set<String>) throws(YAMLError) {
        for entry in try mapping() where !keys.contains(entry.key) {
            throw YAMLError(line: entry.value.line, reason: "unknown field \(entry.key)")
        }
    }
}
