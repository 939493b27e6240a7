import Glibc
import Identity
import Primitives
import TLS

/// A CA with what it issues, made once.
enum FuzzAuthority {
    static let web = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "web")
    static let cart = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "cart")

    static let client = expectSuccess { try TLSContext.workloadClient(credentials(web)) }
    static let server = expectSuccess { try TLSContext.workloadServer(credentials(cart)) }

    private static let now = WallTime(seconds: Int64(time(nil)))
    private static let authority = expectSuccess {
        try CertificateAuthority.makeRoot(organization: "culvert fuzz", now: now).authority
    }

    private static func credentials(_ identity: SPIFFEID) throws -> TLSCredentials {
        let key = try PrivateKey.generateP256()
        let template = CertificateTemplate.workload(uri: identity.description, lifetime: .seconds(86_400), now: now)
        return try TLSCredentials(chain: authority.issue(template, for: key), key: key, roots: authority.facts.pem)
    }
}
