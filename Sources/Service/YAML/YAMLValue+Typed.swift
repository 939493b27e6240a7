// Reading with an expectation: what does not meet it is an error with its line.
extension YAMLValue {
    /// The text of a string. Numbers, booleans and null must be quoted to count as one.
    public func string() throws(YAMLError) -> String {
        guard case .scalar(let scalar) = content, case .string(let text) = scalar.resolved else {
            throw mismatch("a string")
        }
        return text
    }

    /// A boolean.
    public func bool() throws(YAMLError) -> Bool {
        guard case .scalar(let scalar) = content, case .bool(let value) = scalar.resolved else {
            throw mismatch("a boolean")
        }
        return value
    }

    /// An integer in `range`.
    public func integer(in range: ClosedRange<Int>) throws(YAMLError) -> Int {
        guard case .scalar(let scalar) = content, case .integer(let value) = scalar.resolved else {
            throw mismatch("an integer")
        }
        guard range.contains(value) else {
            throw YAMLError(line: line, reason: "\(value) is not in \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }

    /// The elements of a list.
    public func sequence() throws(YAMLError) -> [YAMLValue] {
        guard case .sequence(let elements) = content else { throw mismatch("a list") }
        return elements
    }

    /// The entries of a mapping, in order.
    public func mapping() throws(YAMLError) -> [YAMLEntry] {
        guard case .mapping(let entries) = content else { throw mismatch("a mapping") }
        return entries
    }

    /// A mapping of strings to strings.
    public func strings() throws(YAMLError) -> [String: String] {
        var result: [String: String] = [:]
        for entry in try mapping() { result[entry.key] = try entry.value.string() }
        return result
    }

    /// A list of strings.
    public func stringList() throws(YAMLError) -> [String] {
        var result: [String] = []
        for element in try sequence() { result.append(try element.string()) }
        return result
    }

    private func mismatch(_ wanted: String) -> YAMLError {
        YAMLError(line: line, reason: "expected \(wanted), found \(typeName)")
    }
}
