public import YAML

/// A selector of the form `matchLabels`.
public struct LabelSelector: Hashable, Sendable {
    public var matchLabels: [String: String]

    public init(matchLabels: [String: String]) { self.matchLabels = matchLabels }

    /// - Throws: with the line, also for forms of selectors that are not known.
    public init(_ value: YAMLValue) throws(YAMLError) {
        try value.allowOnly(["matchLabels"])
        matchLabels = try value.strings(at: "matchLabels")
    }

    /// Whether `labels` has every label asked for; without any asked for, all match.
    public func matches(_ labels: [String: String]) -> Bool {
        matchLabels.allSatisfy { labels[$0.key] == $0.value }
    }
}
