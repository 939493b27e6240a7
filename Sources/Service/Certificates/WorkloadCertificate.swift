public import Identity
import Primitives
public import TLS

/// An identity's certificate ready for use: with one TLS context for each direction.
public struct WorkloadCertificate: Sendable {
    public let identity: SPIFFEID
    /// Counts the certificates of this store; a later one has a higher number.
    public let generation: UInt64
    public let credentials: TLSCredentials
    /// For connections that others open to this workload.
    public let server: TLSContext
    /// For connections that this workload opens.
    public let client: TLSContext

    /// Makes a certificate of what the CA has answered before, or with other roots.
    init(
        identity: SPIFFEID, generation: UInt64, credentials: TLSCredentials, options: TLSOptions
    ) throws(CertificateFailure) {
        do {
            server = try TLSContext.workloadServer(credentials, options: options)
            client = try TLSContext.workloadClient(credentials, options: options)
        } catch {
            throw CertificateFailure("the CA's answer cannot be used: \(error)")
        }
        self.identity = identity
        self.generation = generation
        self.credentials = credentials
    }

    /// Makes credentials of what the CA has answered.
    /// - Parameter chain: PEM texts: the leaf, the intermediates, and last the roots in one.
    /// - Throws: if the answer is not what was asked for.
    static func credentials(
        of identity: SPIFFEID, key: PrivateKey, chain: [String]
    ) throws(CertificateFailure) -> TLSCredentials {
        guard chain.count >= 2, let roots = chain.last else {
            throw CertificateFailure("the CA sent no root certificate")
        }
        guard chain.count <= Limits.signedChainCountMax else {
            throw CertificateFailure("the CA sent more than \(Limits.signedChainCountMax) certificates")
        }
        let credentials: TLSCredentials
        do {
            let certificates = chain.dropLast().joined(separator: "\n")
            credentials = try TLSCredentials(chain: Array(certificates.utf8), key: key, roots: Array(roots.utf8))
        } catch {
            throw CertificateFailure("the CA's answer cannot be used: \(error)")
        }
        guard credentials.leaf.uris.first == identity.description else {
            let uri = credentials.leaf.uris.first ?? "nobody"
            throw CertificateFailure("the CA certified \(uri) instead of \(identity)")
        }
        return credentials
    }
}
