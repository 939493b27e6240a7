public import Identity

/// Which identities each node may ask certificates for: those of the pods that run on it.
public struct IdentityGrants: Equatable, Sendable {
    private var identities: [String: Set<SPIFFEID>] = [:]

    public init() {}

    public mutating func grant(_ identity: SPIFFEID, to node: String) {
        identities[node, default: []].insert(identity)
    }

    public func allows(_ identity: SPIFFEID, on node: String) -> Bool { identities[node]?.contains(identity) == true }
}
