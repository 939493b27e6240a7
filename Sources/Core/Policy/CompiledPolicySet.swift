import Primitives

/// The policies that apply to one workload, ready to decide. A value: it stays as it was while the state moves on.
public struct CompiledPolicySet: Sendable {
    /// The policies of a namespace or, under the empty name, of the mesh.
    struct Group: Sendable {
        let name: String
        let index: PolicyIndex?
    }

    private let policies: PersistentMap<PolicyRank, RankedPolicies>
    private let global: Group
    private let namespace: Group
    private let selected: [AuthorizationPolicy]
    private let unknown: [String]

    init(
        policies: PersistentMap<PolicyRank, RankedPolicies>, global: Group, namespace: Group,
        selected: [AuthorizationPolicy], unknown: [String]
    ) {
        self.policies = policies
        self.global = global
        self.namespace = namespace
        self.selected = selected
        self.unknown = unknown
    }

    /// Whether no policy applies, so that every connection is allowed.
    public var isEmpty: Bool {
        global.index == nil && namespace.index == nil && selected.isEmpty && unknown.isEmpty
    }

    /// Whether a policy is named that is not known.
    public var namesUnknown: Bool { !unknown.isEmpty }

    /// Whether the other set, of an earlier or later state, holds the very same policies.
    public func isIdentical(to other: CompiledPolicySet) -> Bool {
        global.index?.revision == other.global.index?.revision
            && namespace.index?.revision == other.namespace.index?.revision
            && selected.elementsEqual(other.selected, by: ===) && unknown == other.unknown
    }

    /// Decides on a connection: what denies goes before what allows, and where anything allows something must.
    /// What is not understood, and a policy that is named but not known, refuses.
    ///
    /// Of several policies that would decide alike one of the mesh is named before one of the namespace and that before
    /// one that the workload names; of the mesh's and the namespace's the same one each time, on every node.
    public func decide(_ context: PolicyContext) -> PolicyDecision {
        if isEmpty { return PolicyDecision(reason: .noAllowPolicies) }
        let keys = PolicyConnectionKeys(context)
        let enforced = reason(context, keys, denial: .denial, allowance: .allowance, unknown: unknown.first)
        let dryRun = reason(context, keys, denial: .dryRunDenial, allowance: .dryRunAllowance, unknown: nil)
        return PolicyDecision(reason: enforced, dryRun: dryRun == .noAllowPolicies ? nil : dryRun)
    }

    private func reason(
        _ context: PolicyContext, _ keys: PolicyConnectionKeys, denial: PolicyIndex.Role, allowance: PolicyIndex.Role,
        unknown: String?
    ) -> PolicyDecision.Reason {
        if let match = firstMatch(denial, context, keys) {
            let rule = PolicyDecision.Rule(policy: match.policy.key, index: match.rule)
            return match.policy.rules.flaw(ofRule: match.rule).map { .notUnderstood(rule, flaw: $0) }
                ?? .denied(by: rule)
        }
        if let unknown { return .unknownPolicy(unknown) }
        guard isThereAny(allowance) else { return .noAllowPolicies }
        if let match = firstMatch(allowance, context, keys) {
            return .allowed(by: PolicyDecision.Rule(policy: match.policy.key, index: match.rule))
        }
        return firstFlaw(allowance) ?? .noneAllowed
    }

    // MARK: Searching

    /// A policy and the index of the rule in it that takes hold of the connection.
    private typealias Match = (policy: AuthorizationPolicy, rule: Int)

    private func isThereAny(_ role: PolicyIndex.Role) -> Bool {
        (global.index?.count(of: role) ?? 0) + (namespace.index?.count(of: role) ?? 0) > 0
            || selected.contains { $0.role == role }
    }

    private func firstMatch(
        _ role: PolicyIndex.Role, _ context: PolicyContext, _ keys: PolicyConnectionKeys
    ) -> Match? {
        let match = { (policy: AuthorizationPolicy) -> Match? in
            policy.firstMatch(context, keys).map { (policy, $0) }
        }
        return firstMatch(role, keys, in: global, match) ?? firstMatch(role, keys, in: namespace, match)
            ?? firstSelected(role, match)
    }

    private func firstMatch(
        _ role: PolicyIndex.Role, _ keys: PolicyConnectionKeys, in group: Group,
        _ match: (AuthorizationPolicy) -> Match?
    ) -> Match? {
        guard let index = group.index, index.count(of: role) > 0 else { return nil }
        var found: Match?
        index.search(role, for: keys) { rank in
            guard let candidate = first(role, rank, of: group, match) else { return false }
            found = candidate
            return true
        }
        return found
    }

    /// The first rule that was not understood.
    private func firstFlaw(_ role: PolicyIndex.Role) -> PolicyDecision.Reason? {
        let flaw = { (policy: AuthorizationPolicy) -> PolicyDecision.Reason? in
            guard let index = policy.rules.firstFlawed else { return nil }
            let rule = PolicyDecision.Rule(policy: policy.key, index: index)
            return policy.rules.flaw(ofRule: index).map { .notUnderstood(rule, flaw: $0) }
        }
        return firstFlaw(role, in: global, flaw) ?? firstFlaw(role, in: namespace, flaw) ?? firstSelected(role, flaw)
    }

    private func firstFlaw(
        _ role: PolicyIndex.Role, in group: Group, _ flaw: (AuthorizationPolicy) -> PolicyDecision.Reason?
    ) -> PolicyDecision.Reason? {
        var found: PolicyDecision.Reason?
        group.index?.searchFlawed(role) { rank in
            found = first(role, rank, of: group, flaw)
            return found != nil
        }
        return found
    }

    private func firstSelected<Result>(
        _ role: PolicyIndex.Role, _ body: (AuthorizationPolicy) -> Result?
    ) -> Result? {
        for policy in selected where policy.role == role {
            if let result = body(policy) { return result }
        }
        return nil
    }

    /// What `body` makes of the first policy of this rank, role and group of which it makes anything.
    private func first<Result>(
        _ role: PolicyIndex.Role, _ rank: PolicyRank, of group: Group, _ body: (AuthorizationPolicy) -> Result?
    ) -> Result? {
        guard let ranked = policies[rank] else { return nil }
        if ranked.isSingle { return body(ranked.first) }
        return ranked.all.lazy.filter { $0.role == role && $0.group == group.name }.compactMap(body).first
    }
}
