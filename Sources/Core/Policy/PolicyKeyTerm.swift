import Identity
import Primitives

/// Values of some attributes that every connection has that matches some part of a rule: a key in the making.
struct PolicyKeyTerm {
    private var kind = PolicyKey.Kind()
    private var name: UInt64 = 0
    private var source: UInt64 = 0
    private var destination: UInt64 = 0
    private var port: UInt64 = 0

    /// The keys of a rule: every connection that matches it has one of them. The key without attributes, which every
    /// connection has, where the rule asks for nothing exact; none where the rule matches nothing.
    static func keys(of rule: PolicyRule, at index: Int) -> [PolicyKey] {
        var terms = [PolicyKeyTerm()]
        let clauses = rule.clauses.compactMap(self.terms(ofClause:))
        // Who calls tells connections apart better than what is called, so it goes first.
        for isNamed in [true, false] {
            for clause in clauses where clause.allSatisfy(\.isNamed) == isNamed { combine(&terms, with: clause) }
        }
        return terms.map { PolicyKey(hash: $0.hash, rule: UInt32(truncatingIfNeeded: index), kind: $0.kind) }
    }

    /// A clause needs one of its matches, so each must ask for something exact; nil when one does not. Those that match
    /// nothing count for nothing.
    private static func terms(ofClause clause: [PolicyMatch]) -> [PolicyKeyTerm]? {
        guard !clause.isEmpty else { return nil }
        var terms: [PolicyKeyTerm] = []
        for match in clause where !match.isEmpty {
            guard let matchTerms = self.terms(of: match, countMax: Limits.policyKeyCombinationCountMax / clause.count)
            else { return nil }
            terms += matchTerms
        }
        return terms
    }

    /// A match needs all its conditions. The first that is exact counts with all its values, the others where they do
    /// not multiply to too many.
    private static func terms(of match: PolicyMatch, countMax: Int) -> [PolicyKeyTerm]? {
        var terms = [PolicyKeyTerm()]
        for values in [names(match), sources(match), ports(match), destinations(match)] where !values.isEmpty {
            combine(&terms, with: values, countMax: countMax)
        }
        return terms.contains { $0.isUnbound } ? nil : terms
    }

    private static func combine(
        _ terms: inout [PolicyKeyTerm], with others: [PolicyKeyTerm],
        countMax: Int = Limits.policyKeyCombinationCountMax
    ) {
        let isFirst = terms.count == 1 && terms[0].isUnbound
        guard isFirst || terms.count * others.count <= max(terms.count, countMax) else { return }
        terms = terms.flatMap { term in others.map { term.combined(with: $0) } }
    }

    // MARK: One condition

    private static func names(_ match: PolicyMatch) -> [PolicyKeyTerm] {
        if let principals = exact(match.principals) {
            return principals.map { term(.principal, PolicyAttributeHash.name(.principal, $0)) }
        }
        if !match.serviceAccounts.anyOf.isEmpty {
            return match.serviceAccounts.anyOf.map {
                term(.account, PolicyAttributeHash.name(.account, $0.namespace, $0.serviceAccount))
            }
        }
        return exact(match.namespaces)?.map { term(.namespace, PolicyAttributeHash.name(.namespace, $0)) } ?? []
    }

    private static func term(_ name: PolicyKey.Kind.Name, _ hash: UInt64) -> PolicyKeyTerm {
        var term = PolicyKeyTerm()
        term.kind.name = name
        term.name = hash
        return term
    }

    private static func sources(_ match: PolicyMatch) -> [PolicyKeyTerm] {
        match.sources.anyOf.map { prefix in
            var term = PolicyKeyTerm()
            term.kind.source = PolicyKey.Kind.NetworkSize(prefix)
            term.source = PolicyAttributeHash.source(prefix.network)
            return term
        }
    }

    private static func destinations(_ match: PolicyMatch) -> [PolicyKeyTerm] {
        match.destinations.anyOf.map { prefix in
            var term = PolicyKeyTerm()
            term.kind.destination = PolicyKey.Kind.NetworkSize(prefix)
            term.destination = PolicyAttributeHash.destination(prefix.network)
            return term
        }
    }

    private static func ports(_ match: PolicyMatch) -> [PolicyKeyTerm] {
        match.destinationPorts.anyOf.map { port in
            var term = PolicyKeyTerm()
            term.kind.hasPort = true
            term.port = PolicyAttributeHash.port(port)
            return term
        }
    }

    /// The texts of a condition that is met by exact texts only.
    private static func exact(_ condition: PolicyMatch.Condition<StringMatch>) -> [String]? {
        guard !condition.anyOf.isEmpty else { return nil }
        var texts: [String] = []
        for pattern in condition.anyOf {
            guard case .exact(let text) = pattern else { return nil }
            texts.append(text)
        }
        return texts
    }

    // MARK: A term

    private var isUnbound: Bool { kind == PolicyKey.Kind() }
    /// Whether it says who calls.
    private var isNamed: Bool { kind.name != .none || kind.source != nil }
    private var hash: UInt32 { UInt32(truncatingIfNeeded: (name ^ source ^ destination ^ port) >> 32) }

    /// Both together. Of an attribute that both speak of the first value will do.
    private func combined(with other: PolicyKeyTerm) -> PolicyKeyTerm {
        var term = self
        if term.kind.name == .none { (term.kind.name, term.name) = (other.kind.name, other.name) }
        if term.kind.source == nil { (term.kind.source, term.source) = (other.kind.source, other.source) }
        if term.kind.destination == nil {
            (term.kind.destination, term.destination) = (other.kind.destination, other.destination)
        }
        if !term.kind.hasPort { (term.kind.hasPort, term.port) = (other.kind.hasPort, other.port) }
        return term
    }
}
