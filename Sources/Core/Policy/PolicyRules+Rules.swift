extension PolicyRules {
    /// The same rules in one piece.
    public init(_ rules: [PolicyRule]) {
        var builder = PolicyRulesBuilder(ruleCount: rules.count)
        for rule in rules {
            builder.beginRule()
            for clause in rule.clauses {
                builder.beginClause()
                for match in clause { builder.add(match) }
            }
            if let flaw = rule.flaw { builder.flawRule(flaw) }
        }
        self = builder.finished()
    }

    /// The rule at `index` by itself.
    public func rule(at index: Int) -> PolicyRule {
        var rule = PolicyRule(clauses: [], flaw: flaw(ofRule: index))
        for entry in entries[range(ofRule: index)] {
            if case .empty(.rule) = entry.content { continue }
            if let start = entry.start, start >= .clause { rule.clauses.append([]) }
            if case .empty(.clause) = entry.content { continue }
            let clause = rule.clauses.count - 1
            if entry.start != nil { rule.clauses[clause].append(PolicyMatch()) }
            guard case .value(let value) = entry.content else { continue }
            let match = rule.clauses[clause].count - 1
            rule.clauses[clause][match].add(value, isNegated: entry.condition?.isNegated ?? false)
        }
        return rule
    }
}

extension PolicyRulesBuilder {
    fileprivate mutating func add(_ match: PolicyMatch) {
        beginMatch()
        add(match.namespaces, PolicyValue.namespace)
        add(match.principals, PolicyValue.principal)
        add(match.sources, PolicyValue.source)
        add(match.destinations, PolicyValue.destination)
        add(match.destinationPorts, PolicyValue.port)
        add(match.serviceAccounts, PolicyValue.account)
    }

    private mutating func add<Element>(_ condition: PolicyMatch.Condition<Element>, _ value: (Element) -> PolicyValue) {
        for element in condition.anyOf { add(value(element), isNegated: false) }
        for element in condition.noneOf { add(value(element), isNegated: true) }
    }
}

extension PolicyMatch {
    fileprivate mutating func add(_ value: PolicyValue, isNegated: Bool) {
        switch value {
        case .namespace(let pattern): namespaces.add(pattern, isNegated)
        case .account(let account): serviceAccounts.add(account, isNegated)
        case .principal(let pattern): principals.add(pattern, isNegated)
        case .source(let network): sources.add(network, isNegated)
        case .destination(let network): destinations.add(network, isNegated)
        case .port(let port): destinationPorts.add(port, isNegated)
        }
    }
}

extension PolicyMatch.Condition {
    fileprivate mutating func add(_ element: Element, _ isNegated: Bool) {
        if isNegated { noneOf.append(element) } else { anyOf.append(element) }
    }
}
