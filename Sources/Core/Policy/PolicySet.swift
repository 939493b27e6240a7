import Primitives

/// All policies known: a persistent value.
public struct PolicySet: Sendable {
    private var policies = PersistentMap<PolicyRank, RankedPolicies>()
    /// The policies of scope namespace by their namespace; those of scope global under the empty name.
    private var indexes = PersistentMap<String, PolicyIndex>()
    private var revision: UInt64 = 0
    /// The number of policies.
    public private(set) var count = 0

    /// The set of none.
    public init() {}

    /// The policy with this key, `namespace/name`.
    public subscript(key: String) -> AuthorizationPolicy? { policies[PolicyRank(key: key)]?[key] }

    /// All policies, in no particular order.
    public var all: some Sequence<AuthorizationPolicy> { policies.lazy.flatMap { $0.value.all } }

    /// Adds the policy, or puts it in the place of the one with its key.
    public mutating func insert(_ policy: AuthorizationPolicy) {
        guard let old = policies[policy.rank] else {
            count += 1
            replace(nil, with: RankedPolicies(policy), policy.rank)
            return
        }
        if old[policy.key] == nil { count += 1 }
        var new = old
        new.insert(policy)
        replace(old, with: new, policy.rank)
    }

    /// Removes the policy with this key; false when there is none.
    @discardableResult public mutating func remove(key: String) -> Bool {
        let rank = PolicyRank(key: key)
        guard let old = policies[rank], old[key] != nil else { return false }
        count -= 1
        replace(old, with: old.removing(key: key), rank)
        return true
    }

    private mutating func replace(_ old: RankedPolicies?, with new: RankedPolicies?, _ rank: PolicyRank) {
        policies[rank] = new
        revision += 1
        if let old, let new, old.isSingle, new.isSingle, old.first.group == new.first.group {
            // Nearly always.
            guard let group = old.first.group, old.first !== new.first else { return }
            indexes[group]?.replace(old.first, with: new.first, revision: revision)
            return
        }
        let (old, new) = (old?.all ?? [], new?.all ?? [])
        var groups: [String] = []
        for case let group? in (old + new).map(\.group) where !groups.contains(group) { groups.append(group) }
        for group in groups {
            let (leaving, staying) = (old.filter { $0.group == group }, new.filter { $0.group == group })
            guard !leaving.elementsEqual(staying, by: ===) else { continue }
            var index = indexes[group] ?? PolicyIndex()
            index.replace(leaving, with: staying, revision: revision)
            indexes[group] = index.isEmpty ? nil : index
        }
    }

    /// The policies that apply to a workload of `namespace` that names `references`: the global ones, those of its
    /// namespace, and those it names. The cost grows with the number of references only.
    public func compiled(namespace: String, references: [String]) -> CompiledPolicySet {
        var selected: [AuthorizationPolicy] = []
        var unknown: [String] = []
        for key in references {
            if let policy = self[key] { selected.append(policy) } else { unknown.append(key) }
        }
        return CompiledPolicySet(
            policies: policies, global: CompiledPolicySet.Group(name: "", index: indexes[""]),
            namespace: CompiledPolicySet.Group(name: namespace, index: namespace.isEmpty ? nil : indexes[namespace]),
            selected: selected, unknown: unknown)
    }
}

extension AuthorizationPolicy {
    /// The policies that it applies together with: by namespace, all of the mesh under the empty name; nil for one that
    /// is named by workloads. One of no namespace is as good as global, as it is for ztunnel.
    var group: String? {
        switch scope {
        case .global: ""
        case .namespace: namespace
        case .workloadSelector: nil
        }
    }
}

extension PolicySet {
    /// The keys of the policies that allow something at a workload of `namespace` that names `references`, sorted, at
    /// most `limit`: what to tell somebody whom none of them allows. The cost grows with the number of all policies.
    public func allowing(namespace: String, references: [String], limit: Int) -> [String] {
        let keys = all.filter { policy in
            guard policy.action == .allow, !policy.isDryRun else { return false }
            return switch policy.scope {
            case .global: true
            case .namespace: policy.namespace == namespace
            case .workloadSelector: references.contains(policy.key)
            }
        }.map(\.key)
        return Array(keys.sorted().prefix(limit))
    }
}
