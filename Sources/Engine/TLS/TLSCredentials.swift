import COpenSSL

/// A certificate with its key, and the roots by which peers are judged: what a CA answers, parsed and found to fit
/// together.
public struct TLSCredentials: Sendable {
    /// What the certificates say: the leaf first, then the intermediates.
    public let chain: [CertificateFacts]

    /// What the roots say.
    public let roots: [CertificateFacts]

    /// Roots that could not be parsed and are left out.
    public let skippedRootCount: Int

    let certificates: [Certificate]
    let trusted: [Certificate]
    let key: PrivateKey

    /// - Parameters:
    ///   - chain: PEM of the leaf and the intermediates behind it.
    ///   - roots: PEM bundle.
    /// - Throws: if a part cannot be parsed, or the key is not the leaf's.
    public init(chain: [UInt8], key: PrivateKey, roots: [UInt8]) throws(TLSFailure) {
        let bundle = try CertificateBundle(pem: roots, skipsBroken: true, "root certificates")
        trusted = bundle.certificates
        skippedRootCount = bundle.skippedCount
        certificates = try CertificateBundle(pem: chain, "certificate chain").certificates
        self.key = key
        self.chain = try CertificateFacts.all(of: certificates)
        self.roots = try CertificateFacts.all(of: trusted)
        ErrorQueue.clear()
        try check(
            unsafe X509_check_private_key(certificates[0].raw, key.raw), .configuration,
            "the key is not the certificate's")
    }

    /// The same certificate with other roots.
    init(_ other: TLSCredentials, roots: [CertificateFacts], trusted: [Certificate]) {
        (chain, certificates, key, skippedRootCount) = (
            other.chain, other.certificates, other.key, other.skippedRootCount
        )
        (self.roots, self.trusted) = (roots, trusted)
    }

    /// The leaf's facts.
    public var leaf: CertificateFacts { chain[0] }
}
