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
        let clauses = rule.clauses.compactMap(self.terms(ofClause:))
        if clauses.contains(where: \.isEmpty) { return [] }
        var terms = [PolicyKeyTerm()]
        // Who calls tells connections apart better than what is called, so it goes first.
        for isNamed in [true, false] {
            for clause in clauses where clause.allSatisfy(\.isNamed) == isNamed {
                combine(&terms, clause, countMax: Limits.policyKeyCombinationCountMax) { $0.add($1) }
            }
        }
        return terms.map { PolicyKey(hash: $0.hash, rule: UInt32(truncatingIfNeeded: index), kind: $0.kind) }
    }

    /// A clause needs one of its matches, so each must ask for something exact; nil when one does not. Those that match
    /// nothing count for nothing.
    private static func terms(ofClause clause: [PolicyMatch]) -> [PolicyKeyTerm]? {
        guard !clause.isEmpty else { return nil }
        var terms: [PolicyKeyTerm] = []
        for match in clause where !match.isEmpty {
            let matchTerms = self.terms(of: match, countMax: Limits.policyKeyCombinationCountMax / clause.count)
            if matchTerms.contains(where: \.isUnbound) { return nil }
            terms += matchTerms
        }
        return terms
    }

    /// A match needs all its conditions. The first that is exact counts with all its values, the others where they do
    /// not multiply to too many.
    private static func terms(of match: PolicyMatch, countMax: Int) -> [PolicyKeyTerm] {
        var terms = [PolicyKeyTerm()]
        if isExact(match.principals) {
            combine(&terms, match.principals.anyOf, countMax: countMax) { $0.name(.principal, $1) }
        } else if !match.serviceAccounts.anyOf.isEmpty {
            combine(&terms, match.serviceAccounts.anyOf, countMax: countMax) {
                $0.kind.name = .account
                $0.name = PolicyAttributeHash.name(.account, $1.namespace, $1.serviceAccount)
            }
        } else if isExact(match.namespaces) {
            combine(&terms, match.namespaces.anyOf, countMax: countMax) { $0.name(.namespace, $1) }
        }
        combine(&terms, match.sources.anyOf, countMax: countMax) {
            $0.kind.source = PolicyKey.Kind.NetworkSize($1)
            $0.source = PolicyAttributeHash.source($1.network)
        }
        combine(&terms, match.destinationPorts.anyOf, countMax: countMax) {
            $0.kind.hasPort = true
            $0.port = PolicyAttributeHash.port($1)
        }
        combine(&terms, match.destinations.anyOf, countMax: countMax) {
            $0.kind.destination = PolicyKey.Kind.NetworkSize($1)
            $0.destination = PolicyAttributeHash.destination($1.network)
        }
        return terms
    }

    /// Each of the terms with each of the values, if there are any and not too many.
    private static func combine<Value>(
        _ terms: inout [PolicyKeyTerm], _ values: [Value], countMax: Int,
        _ add: (inout PolicyKeyTerm, Value) -> Void
    ) {
        guard !values.isEmpty else { return }
        let isFirst = terms.count == 1 && terms[0].isUnbound
        guard isFirst || terms.count * values.count <= max(terms.count, countMax) else { return }
        if values.count == 1 {
            for index in terms.indices { add(&terms[index], values[0]) }
        } else {
            terms = terms.flatMap { term in
                values.map { value in
                    var combined = term
                    add(&combined, value)
                    return combined
                }
            }
        }
    }

    /// Whether a condition is met by exact texts only.
    private static func isExact(_ condition: PolicyMatch.Condition<StringMatch>) -> Bool {
        !condition.anyOf.isEmpty
            && condition.anyOf.allSatisfy { pattern in
                if case .exact = pattern { true } else { false }
            }
    }

    // MARK: A term

    private var isUnbound: Bool { kind == PolicyKey.Kind() }
    /// Whether it says who calls.
    private var isNamed: Bool { kind.name != .none || kind.source != nil }
    private var hash: UInt32 { UInt32(truncatingIfNeeded: (name ^ source ^ destination ^ port) >> 32) }

    private mutating func name(_ kind: PolicyKey.Kind.Name, _ pattern: StringMatch) {
        guard case .exact(let text) = pattern else { return }
        self.kind.name = kind
        name = PolicyAttributeHash.name(kind, text)
    }

    /// Adds what another term asks for. Of an attribute that both speak of the first value will do.
    private mutating func add(_ other: PolicyKeyTerm) {
        if kind.name == .none { (kind.name, name) = (other.kind.name, other.name) }
        if kind.source == nil { (kind.source, source) = (other.kind.source, other.source) }
        if kind.destination == nil { (kind.destination, destination) = (other.kind.destination, other.destination) }
        if !kind.hasPort { (kind.hasPort, port) = (other.kind.hasPort, other.port) }
    }
}
