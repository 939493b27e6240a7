import COpenSSL
import Identity
import Primitives

/// The judgement of a peer's certificate: first the chain by OpenSSL, then who it names.
enum PeerVerification {
    /// A refusal, and the verification error that makes OpenSSL send the right alert.
    struct Refusal {
        let failure: TLSFailure
        let code: Int32

        init(_ kind: TLSFailure.Kind, _ message: String, code: Int32) {
            self.init(TLSFailure(kind, message), code: code)
        }

        init(_ failure: TLSFailure, code: Int32) {
            self.failure = failure
            self.code = code
        }
    }

    /// Judges the chain that `store` holds.
    /// - Returns: nil if the peer is welcome.
    static func judge(
        _ store: OpaquePointer, _ expectation: PeerExpectation, by lists: RevocationLists?
    ) -> Refusal? {
        guard let leaf = unsafe Certificate(sharing: X509_STORE_CTX_get0_cert(store)) else {
            return Refusal(.certificateMissing, "the peer sent no certificate", code: X509_V_ERR_UNSPECIFIED)
        }
        guard !leaf.isAuthority else {
            return Refusal(.certificateUsage, "the peer's certificate is a CA's", code: certificateUnknown)
        }
        if unsafe X509_verify_cert(store) <= 0 { return unsafe chainRefusal(store) }
        switch unsafe lists?.objection(to: X509_STORE_CTX_get0_chain(store)) {
        case .revoked(let failure): return Refusal(failure, code: X509_V_ERR_CERT_REVOKED)
        case .unsigned(let failure): return Refusal(failure, code: certificateUnknown)
        case nil: break
        }
        return nameRefusal(leaf, expectation)
    }

    /// The identity that connections of this peer act under.
    static func identity(in store: OpaquePointer) -> SPIFFEID? {
        unsafe Certificate(sharing: X509_STORE_CTX_get0_cert(store)).flatMap { identities(of: $0).first }
    }

    private static func identities(of leaf: Certificate) -> [SPIFFEID] {
        leaf.uris.compactMap { SPIFFEID($0) }
    }

    private static func chainRefusal(_ store: OpaquePointer) -> Refusal {
        let code = unsafe X509_STORE_CTX_get_error(store)
        let depth = unsafe X509_STORE_CTX_get_error_depth(store)
        let subject = depth == 0 ? "the peer's certificate" : "the peer's issuer (at depth \(depth))"
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return Refusal(.certificateDates, "\(subject) has expired", code: code)
        case X509_V_ERR_CERT_NOT_YET_VALID:
            // OpenSSL would send alert 42; ztunnel sends the same 45 for both.
            return Refusal(.certificateDates, "\(subject) is not valid yet", code: X509_V_ERR_CERT_HAS_EXPIRED)
        case X509_V_ERR_INVALID_PURPOSE:
            return Refusal(.certificateUsage, "\(subject) is not made for this use", code: code)
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return Refusal(
                .certificateUntrusted, "\(subject) does not lead to one of our roots",
                code: X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
        default:
            let text = unsafe String(cString: X509_verify_cert_error_string(Int(code)))
            return Refusal(.certificateUntrusted, "\(subject) cannot be trusted: \(text)", code: code)
        }
    }

    private static func nameRefusal(_ leaf: Certificate, _ expectation: PeerExpectation) -> Refusal? {
        switch expectation {
        case .anyone, .trustDomain(nil):
            return nil
        case .nobody:
            return Refusal(.identity, "no peer is expected", code: certificateUnknown)
        case .trustDomain(let domain?):
            let found = identities(of: leaf)
            if found.contains(where: { $0.trustDomain == domain }) { return nil }
            return refused(found.first.map { "trust domain \($0.trustDomain) is not ours (\(domain))" })
        case .identities(let expected):
            let found = identities(of: leaf)
            if found.contains(where: { expected.contains($0) }) { return nil }
            return refused(found.first.map { "identity \($0) is not among the expected (\(list(expected)))" })
        case .hostNames(let names):
            if names.contains(where: { certifies(leaf, $0) }) { return nil }
            return Refusal(
                .identity, "the peer's certificate is not for \(names.joined(separator: " or "))",
                code: X509_V_ERR_HOSTNAME_MISMATCH)
        }
    }

    private static func refused(_ reason: String?) -> Refusal {
        Refusal(.identity, reason ?? "the peer's certificate holds no SPIFFE identity", code: certificateUnknown)
    }

    private static func certifies(_ leaf: Certificate, _ name: String) -> Bool {
        if IPAddress(name) != nil { return unsafe X509_check_ip_asc(leaf.raw, name, 0) == 1 }
        return unsafe X509_check_host(leaf.raw, name, 0, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS), nil) == 1
    }

    private static func list(_ identities: [SPIFFEID]) -> String {
        let named = identities.prefix(Limits.tlsNamedIdentityCountMax).map(\.description).joined(separator: ", ")
        let restCount = identities.count - Limits.tlsNamedIdentityCountMax
        return identities.isEmpty ? "none" : restCount > 0 ? "\(named) and \(restCount) more" : named
    }

    /// An error for which OpenSSL has no alert of its own: it sends certificate_unknown (46).
    private static let certificateUnknown = X509_V_ERR_PERMITTED_VIOLATION
}
