/// The words after `culvertctl lab COMMAND`.
struct LabArguments {
    private(set) var options: [String: String] = [:]
    private(set) var operands: [String] = []
    /// Variables for node proxies.
    private(set) var proxyEnvironment: [String: String] = [:]
    private(set) var isBackbone = false
    private(set) var isBare = false
    /// What follows `--`.
    private(set) var command: [String] = []

    init(_ words: [String]) throws(UsageError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "--name", "--bin", "--node":
                guard let value = rest.popFirst() else { throw UsageError("\(word) needs a value") }
                options[word] = value
            case "--proxy":
                guard let value = rest.popFirst(), let equals = value.firstIndex(of: "=") else {
                    throw UsageError("--proxy needs NAME=VALUE")
                }
                proxyEnvironment[String(value[..<equals])] = String(value[value.index(after: equals)...])
            case "--backbone": isBackbone = true
            case "--bare": isBare = true
            case "--":
                command = Array(rest)
                return
            default:
                guard !word.hasPrefix("-") else { throw UsageError("unknown option \(word)") }
                operands.append(word)
            }
        }
    }
}
