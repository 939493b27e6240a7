import Primitives

/// Policies that apply together, arranged so that a connection meets only those that may match it. A persistent value:
/// an update costs a few steps for each key of the policy.
struct PolicyIndex: Sendable {
    private typealias Bucket = PersistentMap<String, AuthorizationPolicy>

    /// A policy is in the bucket of each of its keys.
    private var buckets = PersistentMap<PolicyIndexKey, Bucket>()
    /// Policies that any connection may match.
    private var keyless = Bucket()
    /// How many buckets there are of each kind. Few kinds occur together, hence a list.
    private var kinds: [(kind: PolicyIndexKey.Kind, bucketCount: Int)] = []
    /// How many policies allow: in earnest, and in dry run.
    private(set) var enforcedAllowCount = 0
    private(set) var dryRunAllowCount = 0
    private(set) var count = 0
    /// Tells this state of the index from all earlier ones.
    private(set) var revision: UInt64 = 0

    mutating func insert(_ policy: AuthorizationPolicy, revision: UInt64) {
        count(policy, by: 1)
        self.revision = revision
        guard let keys = PolicyIndexKey.keys(of: policy) else {
            keyless[policy.key] = policy
            return
        }
        for key in keys {
            var bucket = buckets[key] ?? Bucket()
            if bucket.isEmpty { countBucket(of: key.kind, by: 1) }
            bucket[policy.key] = policy
            buckets[key] = bucket
        }
    }

    /// - Precondition: `policy` is what was inserted under its key.
    mutating func remove(_ policy: AuthorizationPolicy, revision: UInt64) {
        count(policy, by: -1)
        self.revision = revision
        guard let keys = PolicyIndexKey.keys(of: policy) else {
            keyless[policy.key] = nil
            return
        }
        for key in keys {
            guard var bucket = buckets[key] else { continue }
            bucket[policy.key] = nil
            buckets[key] = bucket.isEmpty ? nil : bucket
            if bucket.isEmpty { countBucket(of: key.kind, by: -1) }
        }
    }

    /// Calls `body` with each policy that may match the connection; with some of them more than once.
    func forEachCandidate(for context: PolicyContext, _ body: (AuthorizationPolicy) -> Void) {
        for (_, policy) in keyless { body(policy) }
        for (kind, _) in kinds {
            guard let key = PolicyIndexKey(kind, of: context), let bucket = buckets[key] else { continue }
            for (_, policy) in bucket { body(policy) }
        }
    }

    private mutating func count(_ policy: AuthorizationPolicy, by step: Int) {
        count += step
        guard policy.action == .allow else { return }
        if policy.isDryRun { dryRunAllowCount += step } else { enforcedAllowCount += step }
    }

    private mutating func countBucket(of kind: PolicyIndexKey.Kind, by step: Int) {
        guard let index = kinds.firstIndex(where: { $0.kind == kind }) else {
            kinds.append((kind, step))
            return
        }
        kinds[index].bucketCount += step
        if kinds[index].bucketCount == 0 { kinds.remove(at: index) }
    }
}
