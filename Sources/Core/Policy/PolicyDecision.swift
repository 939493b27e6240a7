/// What the policies of a workload say of a connection, and why.
public struct PolicyDecision: Hashable, Sendable {
    /// A rule by the key of its policy and its index in it.
    public struct Rule: Hashable, Sendable {
        public let policy: String
        public let index: Int

        public init(policy: String, index: Int) {
            self.policy = policy
            self.index = index
        }
    }

    /// Why a connection is allowed or not.
    public enum Reason: Hashable, Sendable {
        /// Nothing denies, and without a policy that allows nothing need be allowed.
        case noAllowPolicies
        case allowed(by: Rule)
        case denied(by: Rule)
        /// There are policies that allow, none of them this connection.
        case noneAllowed
        /// The rule was not understood, and no connection passes on a guess.
        case notUnderstood(Rule, flaw: String)
        /// The workload names a policy that is not known.
        case unknownPolicy(String)
    }

    public let reason: Reason
    /// What the policies in dry run would have decided had they been alone; nil when there are none, or none had a say.
    public let dryRun: Reason?

    public init(reason: Reason, dryRun: Reason? = nil) {
        self.reason = reason
        self.dryRun = dryRun
    }

    public var isAllowed: Bool { reason.isAllowed }
}

extension PolicyDecision.Reason {
    public var isAllowed: Bool {
        switch self {
        case .noAllowPolicies, .allowed: true
        case .denied, .noneAllowed, .notUnderstood, .unknownPolicy: false
        }
    }
}

extension PolicyDecision.Reason: CustomStringConvertible {
    /// The reason in ztunnel's words, where it has such a reason.
    public var description: String {
        switch self {
        case .noAllowPolicies: "no allow policies, allow"
        case .allowed(let rule): "allowed by: \(rule.policy)"
        case .denied(let rule): "explicitly denied by: \(rule.policy)"
        case .noneAllowed: "allow policies exist, but none allowed"
        case .notUnderstood(let rule, let flaw): "rule \(rule.index) of \(rule.policy) is not understood: \(flaw)"
        case .unknownPolicy(let key): "policy \(key) is not known"
        }
    }
}
