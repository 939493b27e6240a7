import Identity
import Primitives

/// Values of some attributes that every connection has that matches some part of a rule: a key in the making.
struct PolicyKeyTerm {
    fileprivate private(set) var kind = PolicyKey.Kind()
    private var nameHash: UInt64 = 0
    private var sourceHash: UInt64 = 0
    private var destinationHash: UInt64 = 0
    private var portHash: UInt64 = 0

    /// Adds the keys of the rule at `index`.
    static func addKeys(of rules: PolicyRules, at index: Int, to keys: inout [PolicyKey]) {
        if let term = single(rules.entries[rules.range(ofRule: index)]) {
            keys.append(PolicyKey(term, rule: index))
        } else {
            keys += self.keys(of: rules.rule(at: index), at: index)
        }
    }

    /// The only term of a rule of one match that asks for one value of each attribute at most, as most rules do; nil
    /// for any other rule.
    private static func single(_ entries: ArraySlice<PolicyRules.Entry>) -> PolicyKeyTerm? {
        var term = PolicyKeyTerm()
        var last: PolicyCondition?
        for entry in entries {
            guard let condition = entry.condition, condition != last, entry.start ?? .rule == .rule else { return nil }
            last = condition
            guard !condition.isNegated, case .value(let value) = entry.content else { continue }
            switch value {
            case .namespace(let pattern): if term.kind.name == .none { term.name(.namespace, pattern) }
            case .account(let account): if term.kind.name != .principal { term.account(account) }
            case .principal(let pattern): term.name(.principal, pattern)
            case .source(let network): term.source(network)
            case .destination(let network): term.destination(network)
            case .port(let port): term.port(port)
            }
        }
        return term
    }

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
        return terms.map { PolicyKey($0, rule: index) }
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
                $0.account($1)
            }
        } else if isExact(match.namespaces) {
            combine(&terms, match.namespaces.anyOf, countMax: countMax) { $0.name(.namespace, $1) }
        }
        combine(&terms, match.sources.anyOf, countMax: countMax) {
            $0.source($1)
        }
        combine(&terms, match.destinationPorts.anyOf, countMax: countMax) {
            $0.port($1)
        }
        combine(&terms, match.destinations.anyOf, countMax: countMax) {
            $0.destination($1)
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
    fileprivate var hash: UInt32 {
        UInt32(truncatingIfNeeded: (nameHash ^ sourceHash ^ destinationHash ^ portHash) >> 32)
    }

    private mutating func name(_ kind: PolicyKey.Kind.Name, _ pattern: StringMatch) {
        guard case .exact(let text) = pattern else { return }
        self.kind.name = kind
        nameHash = PolicyAttributeHash.name(kind, text)
    }

    private mutating func account(_ account: ServiceAccountName) {
        kind.name = .account
        nameHash = PolicyAttributeHash.account(account)
    }

    private mutating func source(_ network: IPPrefix) {
        kind.source = PolicyKey.Kind.NetworkSize(network)
        sourceHash = PolicyAttributeHash.source(network.network)
    }

    private mutating func destination(_ network: IPPrefix) {
        kind.destination = PolicyKey.Kind.NetworkSize(network)
        destinationHash = PolicyAttributeHash.destination(network.network)
    }

    private mutating func port(_ port: UInt16) {
        kind.hasPort = true
        portHash = PolicyAttributeHash.port(port)
    }

    /// Adds what another term asks for. Of an attribute that both speak of the first value will do.
    private mutating func add(_ other: PolicyKeyTerm) {
        if kind.name == .none { (kind.name, nameHash) = (other.kind.name, other.nameHash) }
        if kind.source == nil { (kind.source, sourceHash) = (other.kind.source, other.sourceHash) }
        if kind.destination == nil {
            (kind.destination, destinationHash) = (other.kind.destination, other.destinationHash)
        }
        if !kind.hasPort { (kind.hasPort, portHash) = (other.kind.hasPort, other.portHash) }
    }
}

extension PolicyKey {
    fileprivate init(_ term: PolicyKeyTerm, rule: Int) {
        self.init(hash: term.hash, rule: UInt32(truncatingIfNeeded: rule), kind: term.kind)
    }
}
