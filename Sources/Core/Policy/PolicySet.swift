import Primitives

/// All policies known: a persistent value.
public struct PolicySet: Sendable {
    private var policies = PersistentMap<String, AuthorizationPolicy>()
    /// The policies of scope namespace by their namespace; those of scope global under the empty name.
    private var indexes = PersistentMap<String, PolicyIndex>()
    private var revision: UInt64 = 0

    public init() {}

    public var count: Int { policies.count }

    /// The policy with this key, `namespace/name`.
    public subscript(key: String) -> AuthorizationPolicy? { policies[key] }

    /// All policies, in no particular order.
    public var all: some Sequence<AuthorizationPolicy> { policies.lazy.map(\.value) }

    /// Adds the policy, or puts it in the place of the one with its key.
    public mutating func insert(_ policy: AuthorizationPolicy) {
        remove(key: policy.key)
        policies[policy.key] = policy
        revision += 1
        guard let group = Self.group(of: policy) else { return }
        var index = indexes[group] ?? PolicyIndex()
        index.insert(policy, revision: revision)
        indexes[group] = index
    }

    /// Removes the policy with this key; false when there is none.
    @discardableResult public mutating func remove(key: String) -> Bool {
        guard let policy = policies.removeValue(forKey: key) else { return false }
        revision += 1
        guard let group = Self.group(of: policy), var index = indexes[group] else { return true }
        index.remove(policy, revision: revision)
        indexes[group] = index.count == 0 ? nil : index
        return true
    }

    /// The policies that apply to a workload of `namespace` that names `references`: the global ones, those of its
    /// namespace, and those it names. The cost grows with the number of references only.
    public func compiled(namespace: String, references: [String]) -> CompiledPolicySet {
        var selected: [AuthorizationPolicy] = []
        var unknown: [String] = []
        for key in references {
            if let policy = policies[key] { selected.append(policy) } else { unknown.append(key) }
        }
        return CompiledPolicySet(
            global: indexes[""], namespace: namespace.isEmpty ? nil : indexes[namespace], selected: selected,
            unknown: unknown)
    }

    private static func group(of policy: AuthorizationPolicy) -> String? {
        switch policy.scope {
        case .global: ""
        case .namespace: policy.namespace
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
