import Primitives

/// Policies that apply together, arranged so that a connection meets only those that may match it. A persistent value:
/// an update costs a few steps for each key of the policy.
///
/// It holds no policies but their ranks: one word for each key of a policy, made of the key's hash, the policy's role
/// and its rank, so that the policies of a key lie together, and those of a role in the order of their ranks.
struct PolicyIndex: Sendable {
    /// What a policy is there for.
    enum Role: UInt8, CaseIterable, Sendable {
        case denial, allowance, dryRunDenial, dryRunAllowance

        init(_ action: AuthorizationPolicy.Action, isDryRun: Bool) {
            switch action {
            case .deny: self = isDryRun ? .dryRunDenial : .denial
            case .allow: self = isDryRun ? .dryRunAllowance : .allowance
            }
        }
    }

    private struct KindCount: Sendable {
        var kind: PolicyKey.Kind
        var count: Int
    }

    private var words = PersistentIntegerSet()
    /// How many keys there are of each kind. Few kinds occur together, hence a list.
    private var kinds: [KindCount] = []
    /// How many policies there are of each role.
    private var denialCount = 0
    private var allowanceCount = 0
    private var dryRunDenialCount = 0
    private var dryRunAllowanceCount = 0
    /// Tells this state of the index from all earlier ones.
    private(set) var revision: UInt64 = 0

    var isEmpty: Bool { Role.allCases.allSatisfy { count(of: $0) == 0 } }

    func count(of role: Role) -> Int {
        switch role {
        case .denial: denialCount
        case .allowance: allowanceCount
        case .dryRunDenial: dryRunDenialCount
        case .dryRunAllowance: dryRunAllowanceCount
        }
    }

    // MARK: Changes

    /// Puts `new` in the place of `old`: all policies of one rank that are in the index.
    mutating func replace(_ old: [AuthorizationPolicy], with new: [AuthorizationPolicy], revision: UInt64) {
        self.revision = revision
        for policy in old { remove(policy) }
        for policy in new { insert(policy) }
    }

    /// Puts a policy in the place of the only one of its rank.
    mutating func replace(_ old: AuthorizationPolicy, with new: AuthorizationPolicy, revision: UInt64) {
        self.revision = revision
        if old.isFound(as: new) { return }
        remove(old)
        insert(new)
    }

    private mutating func remove(_ policy: AuthorizationPolicy) {
        count(policy.role, by: -1)
        for key in policy.connectionKeys {
            words.remove(Self.word(key.hash, policy))
            count(key.kind, by: -1)
        }
        if policy.isFlawed { words.remove(Self.word(Self.flawHash, policy)) }
    }

    private mutating func insert(_ policy: AuthorizationPolicy) {
        count(policy.role, by: 1)
        for key in policy.connectionKeys {
            words.insert(Self.word(key.hash, policy))
            count(key.kind, by: 1)
        }
        if policy.isFlawed { words.insert(Self.word(Self.flawHash, policy)) }
    }

    private mutating func count(_ role: Role, by step: Int) {
        switch role {
        case .denial: denialCount += step
        case .allowance: allowanceCount += step
        case .dryRunDenial: dryRunDenialCount += step
        case .dryRunAllowance: dryRunAllowanceCount += step
        }
    }

    private mutating func count(_ kind: PolicyKey.Kind, by step: Int) {
        guard let index = kinds.firstIndex(where: { $0.kind == kind }) else {
            kinds.append(KindCount(kind: kind, count: step))
            return
        }
        kinds[index].count += step
        if kinds[index].count == 0 { kinds.remove(at: index) }
    }

    // MARK: Questions

    /// Offers the policies of a role that share a key with the connection, by their ranks, until no lower rank is to be
    /// had than the lowest one that is taken. The one taken last is the first of all.
    func search(_ role: Role, for keys: PolicyConnectionKeys, _ isTaken: (PolicyRank) -> Bool) {
        var best: PolicyRank?
        for entry in kinds {
            guard let hash = keys.hash(entry.kind) else { continue }
            best = first(role, hash, before: best, isTaken) ?? best
        }
    }

    /// Offers the policies of a role that are flawed, and perhaps some that are not, by their ranks until one is taken.
    func searchFlawed(_ role: Role, _ isTaken: (PolicyRank) -> Bool) {
        _ = first(role, Self.flawHash, before: nil, isTaken)
    }

    private func first(
        _ role: Role, _ hash: UInt32, before limit: PolicyRank?, _ isTaken: (PolicyRank) -> Bool
    ) -> PolicyRank? {
        let start = Self.word(hash, role, 0)
        let end = Self.word(hash, role, limit?.number ?? PolicyRank.max)
        var next = start
        while let word = words.first(atLeast: next), word <= end {
            let rank = PolicyRank(number: UInt32(truncatingIfNeeded: word - start))
            if rank == limit { return nil }
            if isTaken(rank) { return rank }
            if word == end { return nil }
            next = word + 1
        }
        return nil
    }

    // MARK: Words

    /// The hash under which policies with a flaw are found: a connection's keys may have it, too.
    private static let flawHash: UInt32 = 1

    private static func word(_ hash: UInt32, _ policy: AuthorizationPolicy) -> UInt64 {
        word(hash, policy.role, policy.rank.number)
    }

    private static func word(_ hash: UInt32, _ role: Role, _ rank: UInt32) -> UInt64 {
        UInt64(hash) << 32 | UInt64(role.rawValue) << 30 | UInt64(rank)
    }
}

extension AuthorizationPolicy {
    var role: PolicyIndex.Role { PolicyIndex.Role(action, isDryRun: isDryRun) }

    /// Whether an index has both in the same places.
    fileprivate func isFound(as other: AuthorizationPolicy) -> Bool {
        role == other.role && isFlawed == other.isFlawed && connectionKeys == other.connectionKeys
    }
}
