import Identity

/// Who the other side must be.
enum PeerExpectation: Equatable {
    /// No certificate is asked for.
    case anyone
    /// No peer will do.
    case nobody
    /// Any identity of this trust domain; any certificate at all if it is nil.
    case trustDomain(String?)
    /// One of these; none if there are none.
    case identities([SPIFFEID])
    /// A certificate for one of these host names or addresses.
    case hostNames([String])
}
