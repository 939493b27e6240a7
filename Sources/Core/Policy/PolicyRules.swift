/// The rules of a policy in one piece: the values that they ask for, one behind the other. So a policy is made, kept
/// and let go as a whole, and to look at a rule is to walk along a few entries that lie side by side.
///
/// What the rules mean is what `PolicyRule`, `PolicyMatch` and `PolicyMatch.Condition` say.
public struct PolicyRules: Sendable {
    /// What values are parts of.
    enum Part: UInt8, Comparable, Sendable {
        case match, clause, rule

        static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    enum Content: Sendable {
        case value(PolicyValue)
        /// Stands for a part that holds nothing.
        case empty(Part)
    }

    struct Entry: Sendable {
        var content: Content
        /// The condition that a value belongs to: those of one lie together.
        var condition: PolicyCondition?
        /// The largest part that begins here; nil within a match.
        var start: Part?
    }

    /// Each rule has one at least.
    private(set) var entries: [Entry] = []
    /// The index of the first entry of each rule.
    private var starts: [UInt32] = []
    /// What was not understood in a rule, by the rule's index.
    private var flaws: [Int: String] = [:]

    /// No rules.
    public init() {}

    /// The number of rules.
    public var count: Int { starts.count }

    /// Whether a rule was not understood.
    var isFlawed: Bool { !flaws.isEmpty }

    /// The index of the first rule that was not understood.
    var firstFlawed: Int? { flaws.keys.min() }

    /// What in a rule was not understood; nil for a rule that was.
    func flaw(ofRule index: Int) -> String? { flaws.isEmpty ? nil : flaws[index] }

    /// The indices of a rule's entries.
    func range(ofRule index: Int) -> Range<Int> {
        Int(starts[index])..<(index + 1 < starts.count ? Int(starts[index + 1]) : entries.count)
    }

    // MARK: For the builder

    mutating func reserve(ruleCount: Int, valueCount: Int) {
        starts.reserveCapacity(ruleCount)
        entries.reserveCapacity(valueCount)
    }

    mutating func beginRule() { starts.append(UInt32(entries.count)) }
    mutating func append(_ entry: Entry) { entries.append(entry) }
    mutating func flawRule(_ flaw: String) { flaws[starts.count - 1] = flaw }

    /// Brings the values of each condition of the last match, which begins at `start`, together.
    mutating func sortMatch(from start: Int) {
        let part = entries[start].start
        entries[start].start = nil
        let sorted = entries[start...].enumerated().sorted { a, b in
            (a.element.condition?.order ?? 0, a.offset) < (b.element.condition?.order ?? 0, b.offset)
        }
        entries.replaceSubrange(start..., with: sorted.map(\.element))
        entries[start].start = part
    }
}
