import Identity
import Policy
import Primitives

/// The connections of the contract's truth table.
enum Connections {
    static let account = SPIFFEID(trustDomain: "td", namespace: "namespace", serviceAccount: "account")
    static let other = SPIFFEID(trustDomain: "td", namespace: "other", serviceAccount: "someone")

    static let plaintext = context(from: "127.0.0.1", account: nil, to: "127.0.0.2:8080")
    static let authenticated = context(from: "127.0.0.1", account: account, to: "127.0.0.2:8080")
    static let stranger = context(from: "127.0.0.3", account: other, to: "127.0.0.4:9090")

    static func context(from source: String, account: SPIFFEID?, to destination: String) -> PolicyContext {
        guard let source = IPAddress(source), let destination = Endpoint(destination) else {
            preconditionFailure("addresses in tests are well formed")
        }
        return PolicyContext(source: source, identity: account, destination: destination)
    }
}

/// A match written as the changes that make it.
func match(_ change: (inout PolicyMatch) -> Void) -> PolicyMatch {
    var match = PolicyMatch()
    change(&match)
    return match
}

/// A policy of the namespace `shop` unless said otherwise.
func policy(
    _ name: String, _ action: AuthorizationPolicy.Action, scope: AuthorizationPolicy.Scope = .namespace,
    namespace: String = "shop", isDryRun: Bool = false, _ rules: [PolicyRule]
) -> AuthorizationPolicy {
    AuthorizationPolicy(
        name: name, namespace: namespace, scope: scope, action: action, isDryRun: isDryRun, rules: rules)
}

/// A rule of one clause of one match.
func rule(_ change: (inout PolicyMatch) -> Void) -> PolicyRule { PolicyRule(clauses: [[match(change)]]) }

extension PolicySet {
    init(_ policies: AuthorizationPolicy...) {
        self.init()
        for policy in policies { insert(policy) }
    }

    /// The decision for a workload of the namespace `shop`.
    func decide(_ context: PolicyContext, references: [String] = []) -> PolicyDecision {
        compiled(namespace: "shop", references: references).decide(context)
    }
}
