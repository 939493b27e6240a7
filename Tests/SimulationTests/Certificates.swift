import Glibc
import Identity
import Primitives
import TLS

/// A CA and the newest certificate of each identity.
final class Certificates {
    /// What connections made now show and demand.
    struct Contexts {
        let client: TLSContext
        let server: TLSContext
    }

    private let authority: CertificateAuthority
    private let now = WallTime(seconds: Int64(time(nil)))
    private var known: [SPIFFEID: Contexts] = [:]

    init() throws {
        authority = try CertificateAuthority.makeRoot(organization: "culvert tests", now: now).authority
    }

    func contexts(of identity: SPIFFEID) throws -> Contexts {
        if let contexts = known[identity] { return contexts }
        let key = try PrivateKey.generateP256()
        let template = CertificateTemplate.workload(uri: identity.description, lifetime: .seconds(3600), now: now)
        let credentials = try TLSCredentials(
            chain: authority.issue(template, for: key), key: key, roots: authority.facts.pem)
        let contexts = Contexts(
            client: try .workloadClient(credentials), server: try .workloadServer(credentials))
        known[identity] = contexts
        return contexts
    }

    /// From now on another certificate is shown.
    func rotate(_ identity: SPIFFEID) { known[identity] = nil }
}
