import Identity
import Primitives

/// An exact value that an attribute must have for a rule to match: the key under which the rule's policy is found.
enum PolicyIndexKey: Hashable, Sendable {
    case principal(String)
    case account(ServiceAccountName)
    case source(IPPrefix)
    case namespace(String)
    case port(UInt16)

    /// The attribute of a key. Networks of different sizes are looked up one size after the other, hence a kind for
    /// each.
    enum Kind: Hashable, Sendable {
        case principal
        case account
        case source(IPAddress.Family, length: UInt8)
        case namespace
        case port
    }

    var kind: Kind {
        switch self {
        case .principal: .principal
        case .account: .account
        case .source(let prefix): .source(prefix.address.family, length: prefix.length)
        case .namespace: .namespace
        case .port: .port
        }
    }

    /// The key of this kind that a connection has, if any.
    init?(_ kind: Kind, of context: PolicyContext) {
        switch kind {
        case .principal:
            guard let principal = context.principal else { return nil }
            self = .principal(principal)
        case .account:
            guard let account = context.account else { return nil }
            self = .account(account)
        case .source(let family, let length):
            guard context.source.family == family, let prefix = IPPrefix(context.source, length: Int(length)) else {
                return nil
            }
            self = .source(prefix.network)
        case .namespace: self = .namespace(context.identity?.namespace ?? "")
        case .port: self = .port(context.destination.port)
        }
    }

    /// Keys one of which every connection that matches the policy has; nil when there are no such keys.
    static func keys(of policy: AuthorizationPolicy) -> Set<PolicyIndexKey>? {
        var keys: Set<PolicyIndexKey> = []
        for rule in policy.rules {
            guard let ruleKeys = self.keys(of: rule) else { return nil }
            keys.formUnion(ruleKeys)
        }
        return keys
    }

    /// A rule needs all its clauses, so the keys of any one will do: those of the fewest.
    private static func keys(of rule: PolicyRule) -> [PolicyIndexKey]? {
        guard rule.flaw == nil else { return nil }
        return rule.clauses.compactMap(keys(ofClause:)).min { $0.count < $1.count }
    }

    /// A clause needs one of its matches, so each must have keys. Those that match nothing count for nothing.
    private static func keys(ofClause clause: [PolicyMatch]) -> [PolicyIndexKey]? {
        guard !clause.isEmpty else { return nil }
        var keys: [PolicyIndexKey] = []
        for match in clause where !match.isEmpty {
            guard let matchKeys = self.keys(of: match) else { return nil }
            keys += matchKeys
        }
        return keys
    }

    /// A match needs all its conditions: the one that most likely tells connections apart gives the keys.
    private static func keys(of match: PolicyMatch) -> [PolicyIndexKey]? {
        if let principals = exact(match.principals) { return principals.map(PolicyIndexKey.principal) }
        if !match.serviceAccounts.anyOf.isEmpty { return match.serviceAccounts.anyOf.map(PolicyIndexKey.account) }
        if !match.sources.anyOf.isEmpty { return match.sources.anyOf.map { .source($0.network) } }
        if let namespaces = exact(match.namespaces) { return namespaces.map(PolicyIndexKey.namespace) }
        if !match.destinationPorts.anyOf.isEmpty { return match.destinationPorts.anyOf.map(PolicyIndexKey.port) }
        return nil
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
}
