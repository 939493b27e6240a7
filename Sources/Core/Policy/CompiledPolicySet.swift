/// The policies that apply to one workload, ready to decide. A value: it stays as it was while the state moves on.
public struct CompiledPolicySet: Sendable {
    private let global: PolicyIndex?
    private let namespace: PolicyIndex?
    private let selected: [AuthorizationPolicy]
    private let unknown: [String]

    init(global: PolicyIndex?, namespace: PolicyIndex?, selected: [AuthorizationPolicy], unknown: [String]) {
        self.global = global
        self.namespace = namespace
        self.selected = selected
        self.unknown = unknown
    }

    /// Whether no policy applies, so that every connection is allowed.
    public var isEmpty: Bool { global == nil && namespace == nil && selected.isEmpty && unknown.isEmpty }

    /// Whether the other set, of an earlier or later state, holds the very same policies.
    public func isIdentical(to other: CompiledPolicySet) -> Bool {
        global?.revision == other.global?.revision && namespace?.revision == other.namespace?.revision
            && selected.elementsEqual(other.selected, by: ===) && unknown == other.unknown
    }

    /// Decides on a connection: what denies goes before what allows, and where anything allows something must.
    /// What is not understood, and a policy that is named but not known, refuses.
    public func decide(_ context: PolicyContext) -> PolicyDecision {
        var enforced = Tally()
        var dryRun = Tally()
        let consider = { (policy: AuthorizationPolicy) in
            if policy.isDryRun { dryRun.consider(policy, context) } else { enforced.consider(policy, context) }
        }
        for index in [global, namespace] {
            guard let index else { continue }
            enforced.allowCount += index.enforcedAllowCount
            dryRun.allowCount += index.dryRunAllowCount
            index.forEachCandidate(for: context, consider)
        }
        for policy in selected {
            if policy.action == .allow {
                if policy.isDryRun { dryRun.allowCount += 1 } else { enforced.allowCount += 1 }
            }
            consider(policy)
        }
        let dryRunReason = dryRun.reason(unknown: nil)
        return PolicyDecision(
            reason: enforced.reason(unknown: unknown.first),
            dryRun: dryRunReason == .noAllowPolicies ? nil : dryRunReason)
    }

    /// What the policies looked at so far say together.
    private struct Tally {
        var allowCount = 0
        private var denial: PolicyDecision.Reason?
        private var allowance: PolicyDecision.Reason?
        private var flaw: PolicyDecision.Reason?

        mutating func consider(_ policy: AuthorizationPolicy, _ context: PolicyContext) {
            switch policy.action {
            case .deny:
                guard denial == nil, let index = policy.firstMatch(context) else { return }
                let rule = PolicyDecision.Rule(policy: policy.key, index: index)
                denial = policy.rules[index].flaw.map { .notUnderstood(rule, flaw: $0) } ?? .denied(by: rule)
            case .allow:
                guard allowance == nil else { return }
                if let index = policy.firstMatch(context) {
                    allowance = .allowed(by: PolicyDecision.Rule(policy: policy.key, index: index))
                } else if flaw == nil, let index = policy.rules.firstIndex(where: { $0.flaw != nil }) {
                    let rule = PolicyDecision.Rule(policy: policy.key, index: index)
                    flaw = policy.rules[index].flaw.map { .notUnderstood(rule, flaw: $0) }
                }
            }
        }

        func reason(unknown: String?) -> PolicyDecision.Reason {
            if let denial { return denial }
            if let unknown { return .unknownPolicy(unknown) }
            if let allowance { return allowance }
            return allowCount == 0 ? .noAllowPolicies : flaw ?? .noneAllowed
        }
    }
}
