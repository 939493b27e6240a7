public import Identity
public import Primitives

/// A connection as policies see it.
public struct PolicyContext: Hashable, Sendable {
    /// The address at the other end of the socket.
    public let source: IPAddress
    /// The peer's authenticated identity; nil for plaintext.
    public let identity: SPIFFEID?
    /// Where the connection goes in the end: the application's port, not the tunnel's.
    public let destination: Endpoint
    /// The identity without its scheme.
    public let principal: String?
    /// The identity's service account.
    public let account: ServiceAccountName?

    public init(source: IPAddress, identity: SPIFFEID?, destination: Endpoint) {
        self.source = source
        self.identity = identity
        self.destination = destination
        principal = identity?.principal
        account = identity?.account
    }
}
