import Identity
import Primitives
import Schema
import Signing
import TLS
import Testing

@Suite struct CertificateIssuerTests {
    let issuer: CertificateIssuer
    let root: [UInt8]
    let cart = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "cart")
    let grants: IdentityGrants

    init() throws {
        let authority = try CertificateAuthority.makeRoot(organization: "cluster.local", now: now).authority
        issuer = CertificateIssuer(authority: authority)
        root = authority.facts.pem
        var grants = IdentityGrants()
        grants.grant(cart, to: "one")
        self.grants = grants
    }

    private func request(
        for identity: String?, csrFor named: SPIFFEID? = nil, seconds: Int64 = 0
    ) throws -> IstioCertificateRequest {
        var request = IstioCertificateRequest()
        let csr = try CertificateSigningRequest.make(identity: named ?? cart, key: try PrivateKey.generateP256())
        request.csr = String(decoding: csr, as: UTF8.self)
        request.validityDuration = seconds
        if let identity { request.metadata = Struct(["ImpersonatedIdentity": Value(identity)]) }
        return request
    }

    private func refusal(_ request: IstioCertificateRequest, node: String = "one") -> IssuanceFailure.Kind? {
        do throws(IssuanceFailure) {
            _ = try issuer.issue(request, to: node, grants: grants, now: now)
            return nil
        } catch {
            return error.kind
        }
    }

    @Test func `a node is given the identity of its pod for a day`() throws {
        let response = try issuer.issue(request(for: cart.description), to: "one", grants: grants, now: now)
        #expect(response.certChain.count == 2)
        #expect(response.certChain.allSatisfy { $0.hasSuffix("-----END CERTIFICATE-----\n") })
        #expect(response.certChain.last == String(decoding: root, as: UTF8.self))
        let leaf = try CertificateFacts.all(inPEM: Array(response.certChain[0].utf8))[0]
        #expect(leaf.uris == [cart.description])
        #expect(leaf.notBefore == WallTime(seconds: now.seconds - 120))
        #expect(leaf.notAfter == WallTime(seconds: now.seconds + 86_400))
        #expect(!leaf.isAuthority)
    }

    @Test func `the life asked for is given up to the longest allowed`() throws {
        let response = try issuer.issue(
            request(for: cart.description, seconds: 600), to: "one", grants: grants, now: now)
        let leaf = try CertificateFacts.all(inPEM: Array(response.certChain[0].utf8))[0]
        #expect(leaf.notAfter == WallTime(seconds: now.seconds + 600))
        let longest = Limits.certificateLifetimeSecondsMax
        #expect(try refusal(request(for: cart.description, seconds: longest)) == nil)
        #expect(try refusal(request(for: cart.description, seconds: longest + 1)) == .badRequest)
        #expect(try refusal(request(for: cart.description, seconds: .max)) == .badRequest)
    }

    @Test func `names in the signing request count for nothing`() throws {
        let other = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "admin")
        let request = try request(for: cart.description, csrFor: other)
        let response = try issuer.issue(request, to: "one", grants: grants, now: now)
        #expect(try CertificateFacts.all(inPEM: Array(response.certChain[0].utf8))[0].uris == [cart.description])
    }

    @Test func `what is not granted is refused`() throws {
        #expect(try refusal(request(for: cart.description), node: "two") == .refused)
        #expect(try refusal(request(for: "spiffe://elsewhere/ns/shop/sa/cart")) == .refused)
        #expect(try refusal(request(for: "spiffe://cluster.local/ns/shop/sa/admin")) == .refused)
        #expect(try refusal(request(for: "cart")) == .refused)
        #expect(try refusal(request(for: nil)) == .refused)
    }

    @Test func `what is no signing request is a bad request`() throws {
        for csr in ["", "garbage", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"] {
            var request = try request(for: cart.description)
            request.csr = csr
            #expect(refusal(request) == .badRequest)
        }
    }
}
