import Primitives

/// Takes typed values out of an environment; what does not parse is an error that names the variable.
struct EnvironmentReader {
    let variables: [String: String]

    /// The text, unless it is absent or empty.
    func text(_ name: String) -> String? {
        guard let value = variables[name], !value.isEmpty else { return nil }
        return value
    }

    func flag(_ name: String) throws(ConfigurationError) -> Bool? {
        guard let text = text(name) else { return nil }
        switch text.lowercased() {
        case "true", "1": return true
        case "false", "0": return false
        default: throw ConfigurationError(variable: name, reason: "\"\(text)\" is neither true nor false")
        }
    }

    func number<N: FixedWidthInteger>(_ name: String, atLeast minimum: N = 0) throws(ConfigurationError) -> N? {
        guard let text = text(name) else { return nil }
        guard let value = N(text), value >= minimum else {
            throw ConfigurationError(variable: name, reason: "\"\(text)\" is not a number from \(minimum) to \(N.max)")
        }
        return value
    }

    /// A span such as `5m`, `10s`, `1h30m` or `250ms`.
    func duration(_ name: String) throws(ConfigurationError) -> Duration? {
        guard let text = text(name) else { return nil }
        guard let span = Self.duration(text) else {
            throw ConfigurationError(variable: name, reason: "\"\(text)\" is not a duration such as 30s or 1h30m")
        }
        return span
    }

    static func duration(_ text: String) -> Duration? {
        let units: [(String, Int64)] = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        var rest = text[...]
        var total: Int64 = 0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let value = Int64(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            guard let unit = units.first(where: { rest.hasPrefix($0.0) }) else { return nil }
            rest = rest.dropFirst(unit.0.count)
            let (scaled, overflow) = value.multipliedReportingOverflow(by: unit.1)
            let (sum, sumOverflow) = total.addingReportingOverflow(scaled)
            guard !overflow, !sumOverflow else { return nil }
            total = sum
        }
        return text.isEmpty ? nil : .milliseconds(total)
    }

    /// A Kubernetes quantity of processors, rounded up: `500m`, `1.5`, `2`.
    func processors(_ name: String) throws(ConfigurationError) -> Int? {
        guard let text = text(name) else { return nil }
        let isMilli = text.hasSuffix("m")
        guard let value = Double(isMilli ? String(text.dropLast()) : text), value > 0, value < 1e9 else {
            throw ConfigurationError(variable: name, reason: "\"\(text)\" is not a quantity of processors")
        }
        return Int((isMilli ? value / 1000 : value).rounded(.up))
    }

    /// All variables whose name begins with `prefix`, without it, in the order of their names.
    func named(withPrefix prefix: String) -> [(name: String, value: String)] {
        variables.filter { $0.key.hasPrefix(prefix) && $0.key.utf8.count > prefix.utf8.count }
            .map { (String($0.key.dropFirst(prefix.count)), $0.value) }.sorted { $0.name < $1.name }
    }
}
