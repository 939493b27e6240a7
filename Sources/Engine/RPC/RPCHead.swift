public import Identity
public import Primitives

/// How a call to us begins.
public struct RPCHead: Sendable {
    /// `/package.Service/Method`.
    public let path: String
    /// The fields of the request, without HTTP/2's own.
    public let metadata: [HTTPField]
    /// Who connected.
    public let peer: Endpoint
    /// Who the peer proved to be with a certificate.
    public let peerIdentity: SPIFFEID?
    /// How long the peer waits.
    public let timeout: Duration?

    /// The token of `authorization: Bearer TOKEN`.
    public var bearerToken: String? {
        guard let text = metadata.text("authorization"), text.lowercased().hasPrefix("bearer ") else { return nil }
        return String(text.dropFirst("bearer ".count))
    }
}
