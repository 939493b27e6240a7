public import Identity
public import Mesh

/// A new version of what is known of the mesh, and what about it concerns this node.
public struct DiscoveryUpdate: Sendable {
    public let state: MeshState
    /// Whether any policy changed, so that live connections are to be decided on again.
    public internal(set) var havePoliciesChanged = false
    /// Workloads of this node that are new or changed.
    public internal(set) var localWorkloads: [Workload] = []
    /// Service accounts that no workload of this node has any longer.
    public internal(set) var departedAccounts: Set<ServiceAccountName> = []

    /// Service accounts whose workloads on this node have come, changed or gone.
    public var changedAccounts: Set<ServiceAccountName> {
        departedAccounts.union(localWorkloads.lazy.map(\.account))
    }
}
