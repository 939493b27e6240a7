import COpenSSL

/// What happens when a CA changes its root.
extension TLSCredentials {
    /// The same certificate, judging peers by another's roots as well.
    public func trusting(rootsOf other: TLSCredentials) -> TLSCredentials {
        var (roots, trusted) = (roots, trusted)
        for (facts, root) in zip(other.roots, other.trusted) where !roots.contains(facts) {
            roots.append(facts)
            trusted.append(root)
        }
        return TLSCredentials(self, roots: roots, trusted: trusted)
    }

    /// Whether some root is in both.
    public func sharesRoot(with other: TLSCredentials) -> Bool { roots.contains { other.roots.contains($0) } }

    /// Whether who has `other`'s roots accepts this certificate's chain.
    public func isTrusted(byRootsOf other: TLSCredentials) -> Bool {
        defer { ErrorQueue.clear() }
        do {
            let store = try unsafe Handle(X509_STORE_new(), X509_STORE_free, .resources, "trust")
            for root in other.trusted {
                try check(unsafe X509_STORE_add_cert(store.raw, root.raw), .resources, "root certificate")
            }
            try check(unsafe X509_STORE_set_flags(store.raw, UInt(X509_V_FLAG_PARTIAL_CHAIN)), .resources, "trust")
            let untrusted = try unsafe Handle(
                culvert_certificates_new(), culvert_certificates_free, .resources, "certificates")
            for certificate in certificates.dropFirst() {
                try check(unsafe culvert_certificates_add(untrusted.raw, certificate.raw), .resources, "chain")
            }
            let context = try unsafe Handle(X509_STORE_CTX_new(), X509_STORE_CTX_free, .resources, "verification")
            try check(
                unsafe X509_STORE_CTX_init(context.raw, store.raw, certificates[0].raw, untrusted.raw), .resources,
                "verification")
            return unsafe X509_verify_cert(context.raw) == 1
        } catch {
            return false
        }
    }
}
