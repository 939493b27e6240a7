import Mesh
import Schema

/// What responses have changed and nobody was told of yet, and what is answered once somebody was.
struct UntoldNews {
    private(set) var update: DiscoveryUpdate
    private(set) var replies: [DeltaDiscoveryRequest]
    /// Names under which addresses came or went.
    private(set) var present: [String]
    private(set) var removed: [String]

    init(_ outcome: ResourceStore.Outcome) {
        update = outcome.update
        replies = [outcome.reply]
        present = outcome.present
        removed = outcome.removed
    }

    mutating func add(_ outcome: ResourceStore.Outcome) {
        update.add(outcome.update)
        replies.append(outcome.reply)
        present += outcome.present
        removed += outcome.removed
    }
}

extension DiscoveryUpdate {
    /// Takes in what came after it.
    fileprivate mutating func add(_ later: DiscoveryUpdate) {
        let changed = Set(later.localWorkloads.map(\.uid))
        let earlier = localWorkloads.filter { !changed.contains($0.uid) && later.state.workload(uid: $0.uid) != nil }
        let departed = departedAccounts.union(later.departedAccounts)
        let policiesChanged = havePoliciesChanged
        self = later
        havePoliciesChanged = havePoliciesChanged || policiesChanged
        localWorkloads = (earlier + localWorkloads).sorted { $0.uid < $1.uid }
        departedAccounts = departed.filter { !later.state.hasLocalWorkload(of: $0) }
    }
}
