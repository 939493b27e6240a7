extension PolicyRules {
    /// Whether the connection meets a rule as far as it was understood.
    func matches(rule: Int, _ context: PolicyContext) -> Bool {
        let range = range(ofRule: rule)
        var index = range.lowerBound
        while index < range.upperBound {
            guard clauseHolds(at: &index, before: range.upperBound, context) else { return false }
        }
        return true
    }

    /// Whether any match of the clause that begins at `index` does; `index` is then behind the clause if it holds.
    private func clauseHolds(at index: inout Int, before end: Int, _ context: PolicyContext) -> Bool {
        repeat {
            if matchHolds(at: &index, before: end, context) {
                while index < end, entries[index].start ?? .match == .match { index += 1 }
                return true
            }
        } while index < end && entries[index].start == .match
        return false
    }

    /// Whether all conditions of the match that begins at `index` do; `index` is then behind the match.
    private func matchHolds(at index: inout Int, before end: Int, _ context: PolicyContext) -> Bool {
        var holds = true
        repeat {
            let condition = entries[index].condition
            var isMet = false
            repeat {
                if holds, !isMet { isMet = entries[index].isMet(by: context) }
                index += 1
            } while index < end && entries[index].start == nil && entries[index].condition == condition
            if isMet == (condition?.isNegated ?? false) { holds = false }
        } while index < end && entries[index].start == nil
        return holds
    }
}

extension PolicyRules.Entry {
    fileprivate func isMet(by context: PolicyContext) -> Bool {
        switch content {
        case .value(let value): value.isMet(by: context)
        // A match without any condition matches nothing; a clause without matches holds, and so does a rule without
        // clauses.
        case .empty(let part): part != .match
        }
    }
}
