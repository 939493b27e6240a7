public import Identity

/// Which identities each node may ask certificates for: those of the pods that run on it.
public struct IdentityGrants: Equatable, Sendable {
    private var identities: [String: Set<SPIFFEID>] = [:]

    public init() {}

    /// Lets the node ask for certificates of this identity.
    public mutating func grant(_ identity: SPIFFEID, to node: String) {
        identities[node, default: []].insert(identity)
    }

    /// Whether the node may ask for certificates of this identity.
    public func allows(_ identity: SPIFFEID, on node: String) -> Bool { identities[node]?.contains(identity) == true }
}
