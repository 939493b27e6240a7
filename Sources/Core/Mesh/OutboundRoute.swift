public import Identity
public import Primitives
public import Wire

/// Where a connection that leaves a pod goes.
public enum OutboundRoute: Sendable {
    /// Through HBONE to the destination or its waypoint.
    case tunnel(Tunnel)
    /// Through HBONE to the gateway of another network, and through HBONE within it to the destination.
    case doubleTunnel(DoubleTunnel)
    /// As it is.
    case plain(Plain)
    /// The destination has a name only: look it up, then ask again with the same random word and what was found.
    case resolve(hostname: String)
    case refused(OutboundRefusal)

    /// One HBONE hop.
    public struct Tunnel: Sendable {
        /// Where the TCP connection goes.
        public var nextHop: Endpoint
        /// What the CONNECT asks for.
        public var authority: Authority
        /// The identities of which the peer's certificate must carry one.
        public var expectedIdentities: [SPIFFEID]
        /// Who answers: the destination, its waypoint or a gateway.
        public var workload: Workload
        /// The service that was asked for, if it is known.
        public var service: Service?
    }

    /// An HBONE hop within another.
    public struct DoubleTunnel: Sendable {
        /// The hop to the gateway. Both hops ask for its authority.
        public var outer: Tunnel
        /// The identities of which the peer within must carry one.
        public var expectedIdentities: [SPIFFEID]
        /// The endpoint that was chosen; the gateway may choose another one.
        public var workload: Workload
    }

    /// A plain TCP connection.
    public struct Plain: Sendable {
        public var destination: Endpoint
        /// Nil for a destination outside the mesh.
        public var workload: Workload?
        public var service: Service?
    }
}
