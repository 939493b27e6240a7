import Identity
import Policy
import Primitives

// What rules mean, read out one after the other.

extension AuthorizationPolicy {
    var plainRules: [PolicyRule] { (0..<rules.count).map(rules.rule) }

    /// The index of the first rule that takes hold of the connection.
    func plainFirstMatch(_ context: PolicyContext) -> Int? {
        plainRules.firstIndex { $0.flaw == nil ? $0.matches(context) : action == .deny }
    }
}

extension PolicyRule {
    fileprivate func matches(_ context: PolicyContext) -> Bool {
        clauses.allSatisfy { clause in clause.isEmpty || clause.contains { $0.matches(context) } }
    }
}

extension PolicyMatch {
    fileprivate func matches(_ context: PolicyContext) -> Bool {
        guard !isEmpty else { return false }
        return destinationPorts.holds { $0 == context.destination.port }
            && namespaces.holds { $0.matches(context.identity?.namespace ?? "") }
            && serviceAccounts.holds { $0 == context.account }
            && principals.holds { pattern in context.principal.map(pattern.matches) ?? false }
            && sources.holds { $0.contains(context.source) }
            && destinations.holds { $0.contains(context.destination.address) }
    }
}

extension PolicyMatch.Condition {
    fileprivate func holds(_ isMet: (Element) -> Bool) -> Bool {
        (anyOf.isEmpty || anyOf.contains(where: isMet)) && !noneOf.contains(where: isMet)
    }
}
