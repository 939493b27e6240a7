import COpenSSL
public import Primitives

/// The certificates by which a peer has proved who it is, from its own to the root, as they were verified.
@safe public final class PeerChain {
    private let raw: OpaquePointer

    /// Shares the chain of a connection; nil before the handshake.
    init?(of ssl: OpaquePointer) {
        guard let verified = unsafe SSL_get0_verified_chain(ssl), let raw = unsafe culvert_chain_share(verified) else {
            return nil
        }
        unsafe self.raw = raw
    }

    deinit { unsafe culvert_chain_free(raw) }

    /// When the first of them ends; nil if they do not say.
    public var end: WallTime? {
        (0..<max(0, unsafe culvert_chain_count(raw))).compactMap { depth in
            guard let certificate = unsafe culvert_chain_get(raw, depth) else { return nil }
            return try? unsafe CertificateFacts.time(X509_get0_notAfter(certificate))
        }.min()
    }

    /// Why the peer would be refused by these lists as one that is revoked; nil if it would not.
    public func revocation(by lists: RevocationLists) -> TLSFailure? {
        guard case .revoked(let failure) = unsafe lists.objection(to: raw) else { return nil }
        return failure
    }
}

@available(*, unavailable)
extension PeerChain: Sendable {}
