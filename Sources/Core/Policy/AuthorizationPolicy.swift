/// One authorisation policy as the control plane gives it to nodes: rules about who may open connections to a workload.
///
/// An immutable object, so that every version of the state and every index share it.
public final class AuthorizationPolicy: Sendable {
    /// Which workloads a policy applies to.
    public enum Scope: Sendable {
        /// All of the mesh.
        case global
        /// All of the policy's namespace.
        case namespace
        /// Those that name it, and no other.
        case workloadSelector
    }

    /// What a policy does with a connection that matches.
    public enum Action: Sendable {
        case allow
        case deny
    }

    public let name: String
    public let namespace: String
    public let scope: Scope
    public let action: Action
    /// A policy in dry run is evaluated and reported, and decides nothing.
    public let isDryRun: Bool
    /// A connection matches the policy when it matches any of these; a policy without rules matches none.
    public let rules: [PolicyRule]
    /// The resource's name, `namespace/name`.
    public let key: String

    public init(
        name: String, namespace: String, scope: Scope, action: Action, isDryRun: Bool = false, rules: [PolicyRule]
    ) {
        self.name = name
        self.namespace = namespace
        self.scope = scope
        self.action = action
        self.isDryRun = isDryRun
        self.rules = rules
        key = "\(namespace)/\(name)"
    }

    /// The index of the first rule that takes hold of the connection. A rule that is not understood does so when the
    /// policy denies, and does not when it allows.
    public func firstMatch(_ context: PolicyContext) -> Int? {
        rules.firstIndex { rule in rule.flaw == nil ? rule.matches(context) : action == .deny }
    }
}
