import Identity
import Policy
import Primitives

/// A policy in few words, and what it means, written down once more: the reference for the real ones.
struct PolicyModel {
    struct Rule {
        var principals: [String] = []
        var notPrincipals: [String] = []
        var namespaces: [String] = []
        var ports: [UInt16] = []
    }

    var name: String
    var namespace: String
    var scope: AuthorizationPolicy.Scope
    var action: AuthorizationPolicy.Action
    var rules: [Rule]

    var key: String { "\(namespace)/\(name)" }

    /// The same for the real machine.
    var policy: AuthorizationPolicy {
        let rules = rules.map { rule in
            var match = PolicyMatch()
            match.principals.anyOf = rule.principals.map { .exact($0) }
            match.principals.noneOf = rule.notPrincipals.map { .exact($0) }
            match.namespaces.anyOf = rule.namespaces.map { .exact($0) }
            match.destinationPorts.anyOf = rule.ports
            return PolicyRule(clauses: [[match]])
        }
        return AuthorizationPolicy(name: name, namespace: namespace, scope: scope, action: action, rules: rules)
    }

    private func takesHold(of identity: SPIFFEID, port: UInt16) -> Bool {
        rules.contains { rule in
            let conditions = [
                rule.principals.isEmpty || rule.principals.contains(identity.principal),
                !rule.notPrincipals.contains(identity.principal),
                rule.namespaces.isEmpty || rule.namespaces.contains(identity.namespace),
                rule.ports.isEmpty || rule.ports.contains(port),
            ]
            let saysNothing =
                rule.principals.isEmpty && rule.notPrincipals.isEmpty && rule.namespaces.isEmpty && rule.ports.isEmpty
            return !saysNothing && conditions.allSatisfy { $0 }
        }
    }

    /// Whether the policies let `identity` call a workload of `namespace` that names the policies `references`.
    static func allow(
        _ identity: SPIFFEID, port: UInt16, namespace: String, references: [String], _ policies: [String: PolicyModel]
    ) -> Bool {
        let applying = policies.values.filter {
            switch $0.scope {
            case .global: true
            case .namespace: $0.namespace == namespace || references.contains($0.key)
            case .workloadSelector: references.contains($0.key)
            }
        }
        if applying.contains(where: { $0.action == .deny && $0.takesHold(of: identity, port: port) }) { return false }
        if references.contains(where: { policies[$0] == nil }) { return false }
        let allows = applying.filter { $0.action == .allow }
        return allows.isEmpty || allows.contains { $0.takesHold(of: identity, port: port) }
    }

    static func random(_ chance: inout Chance) -> PolicyModel {
        let accounts = SimulatedPod.accounts
        let rules = (0..<chance.number(0...2)).map { _ in
            var rule = Rule()
            let identity = accounts[chance.number(0...accounts.count - 1)]
            switch chance.number(0...3) {
            case 0: rule.principals = [identity.principal]
            case 1: rule.notPrincipals = [identity.principal]
            case 2: rule.namespaces = [identity.namespace]
            default: rule.ports = [chance.one(of: 8080, 9090)]
            }
            return rule
        }
        return PolicyModel(
            name: "p\(chance.number(0...4))", namespace: chance.one(of: "shop", "vault"),
            scope: chance.one(of: .workloadSelector, .workloadSelector, .workloadSelector, .namespace, .global),
            action: chance.one(of: .allow, .deny), rules: rules)
    }
}
