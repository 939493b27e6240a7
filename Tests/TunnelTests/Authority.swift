import Glibc
import Identity
import Primitives
import TLS

/// A CA with what it issues.
struct Authority {
    let authority: CertificateAuthority
    let now = WallTime(seconds: Int64(time(nil)))

    init() throws {
        authority = try CertificateAuthority.makeRoot(organization: "culvert tests", now: now).authority
    }

    static let web = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "web")
    static let cart = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "cart")

    /// With the kernel's TLS where `Tests/kernel-tls` asks for it.
    static let tlsOptions = {
        var options = TLSOptions()
        options.offersOffload = unsafe getenv("CULVERT_KERNEL_TLS") != nil
        return options
    }()

    func credentials(_ identity: SPIFFEID, lifetime: Duration = .seconds(3600)) throws -> TLSCredentials {
        let key = try PrivateKey.generateP256()
        let template = CertificateTemplate.workload(uri: identity.description, lifetime: lifetime, now: now)
        return try TLSCredentials(chain: authority.issue(template, for: key), key: key, roots: authority.facts.pem)
    }
}
