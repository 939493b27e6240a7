import Glibc
import Identity
import Primitives
import TLS

/// A CA with what it issues, for the tests.
struct Mesh {
    let authority: CertificateAuthority
    let now = WallTime(seconds: Int64(time(nil)))

    init(_ organization: String = "culvert tests") throws {
        authority = try CertificateAuthority.makeRoot(organization: organization, now: now).authority
    }

    static let web = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "web")
    static let cart = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "cart")
    static let stranger = SPIFFEID(trustDomain: "elsewhere", namespace: "shop", serviceAccount: "cart")

    /// The time `count` seconds from now.
    func seconds(_ count: Int64) -> WallTime { WallTime(seconds: now.seconds + count) }

    func template(_ uris: String...) -> CertificateTemplate {
        var template = CertificateTemplate.workload(uri: "", lifetime: .seconds(3_600), now: now)
        template.uris = uris
        return template
    }

    func credentials(_ identity: SPIFFEID) throws -> TLSCredentials {
        try credentials(template(identity.description))
    }

    func credentials(_ template: CertificateTemplate, roots: [UInt8]? = nil) throws -> TLSCredentials {
        let key = try PrivateKey.generateP256()
        return try TLSCredentials(
            chain: authority.issue(template, for: key), key: key, roots: roots ?? authority.facts.pem)
    }

    /// An intermediate CA below this one.
    func intermediate() throws -> CertificateAuthority {
        var template = CertificateTemplate.root(organization: "intermediate", now: now)
        template.isAuthority = true
        let key = try PrivateKey.generateP256()
        return try CertificateAuthority(certificate: authority.issue(template, for: key), key: key)
    }
}

func bytes(of queue: borrowing ByteQueue) -> [UInt8] { unsafe [UInt8](queue.readable) }
