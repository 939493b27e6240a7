/// Makes the rules of a policy, part by part, in their order: a rule, its clauses, their matches, the values of these.
public struct PolicyRulesBuilder {
    private var rules = PolicyRules()
    /// The smallest part that was begun last.
    private var innermost = PolicyRules.Part.rule
    /// The largest part that was begun and has nothing in it yet.
    private var pending: PolicyRules.Part?
    /// The index of the first entry of the match at hand.
    private var matchStart = 0
    private var last: PolicyCondition?
    /// Whether the values of the match at hand came in another order than that of the conditions.
    private var isUnsorted = false

    /// - Parameters:
    ///   - ruleCount: how many rules there will be, more or less.
    ///   - valueCount: how many values in all of them.
    public init(ruleCount: Int = 0, valueCount: Int = 0) { rules.reserve(ruleCount: ruleCount, valueCount: valueCount) }

    /// Begins the next rule.
    public mutating func beginRule() {
        begin(.rule)
        rules.beginRule()
    }

    /// Begins the next clause of the rule.
    public mutating func beginClause() { begin(.clause) }

    /// Begins the next match of the clause.
    public mutating func beginMatch() { begin(.match) }

    /// Adds one of the values of which the connection must have one, by attribute, or none, if it `isNegated`.
    public mutating func add(_ value: PolicyValue, isNegated: Bool) {
        let condition = PolicyCondition(value, isNegated: isNegated)
        if pending != nil {
            matchStart = rules.entries.count
        } else if let last, condition.order < last.order {
            isUnsorted = true
        }
        last = condition
        rules.append(PolicyRules.Entry(content: .value(value), condition: condition, start: pending))
        pending = nil
    }

    /// Says what in the rule was not understood.
    public mutating func flawRule(_ flaw: String) { rules.flawRule(flaw) }

    /// The rules.
    public consuming func finished() -> PolicyRules {
        close(before: .rule)
        return rules
    }

    private mutating func begin(_ part: PolicyRules.Part) {
        close(before: part)
        pending = max(pending ?? part, part)
        innermost = part
    }

    /// Ends what another `part` of its size, or of a larger one, leaves behind.
    private mutating func close(before part: PolicyRules.Part) {
        if let pending, part >= innermost {
            rules.append(PolicyRules.Entry(content: .empty(innermost), condition: nil, start: pending))
            self.pending = nil
        }
        if isUnsorted {
            rules.sortMatch(from: matchStart)
            isUnsorted = false
        }
    }
}
