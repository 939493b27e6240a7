import Identity
import Primitives
import TLS
import Testing

struct CertificateTests {
    @Test func `a key survives its PEM`() throws {
        let key = try PrivateKey.generateP256()
        let pem = try key.pem()
        #expect(String(decoding: pem, as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        #expect(try PrivateKey(pem: pem).pem() == pem)
    }

    @Test func `a request asks for its identity alone`() throws {
        let pem = try CertificateSigningRequest.make(identity: Mesh.web, key: .generateP256())
        let text = String(decoding: pem, as: UTF8.self)
        #expect(text.hasPrefix("-----BEGIN CERTIFICATE REQUEST-----\n") && !text.contains("\r"))
        #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count <= 64 })
        #expect(try CertificateSigningRequest(pem: pem).uris == [Mesh.web.description])
    }

    @Test func `a request with a wrong signature is refused`() throws {
        let pem = try CertificateSigningRequest.make(identity: Mesh.web, key: .generateP256())
        var lines = String(decoding: pem, as: UTF8.self).split(separator: "\n").map(String.init)
        // The last full line lies within the signature.
        let last = lines.count - 3
        lines[last] = String(lines[last].reversed())
        #expect(throws: TLSFailure.self) {
            try CertificateSigningRequest(pem: Array((lines.joined(separator: "\n") + "\n").utf8))
        }
    }

    @Test func `a signed request gives a certificate for its key with what the CA says`() throws {
        let mesh = try Mesh()
        let key = try PrivateKey.generateP256()
        let request = try CertificateSigningRequest(pem: CertificateSigningRequest.make(identity: Mesh.web, key: key))
        let template = CertificateTemplate.workload(
            uri: Mesh.cart.description, lifetime: .seconds(86_400), now: mesh.now)
        let pem = try mesh.authority.sign(request, template)
        let credentials = try TLSCredentials(chain: pem, key: key, roots: mesh.authority.facts.pem)
        #expect(credentials.leaf.identity == Mesh.cart)
        #expect(credentials.leaf.notBefore == WallTime(seconds: mesh.now.seconds - 120))
        #expect(credentials.leaf.notAfter == WallTime(seconds: mesh.now.seconds + 86_400))
        #expect(!credentials.leaf.isAuthority && credentials.roots[0].isAuthority)
        #expect(credentials.leaf.pem == pem)
    }

    @Test func `a root lives ten years, and no two certificates share a serial number`() throws {
        let mesh = try Mesh()
        let facts = mesh.authority.facts
        #expect((facts.notAfter - facts.notBefore) >= .seconds(3_650 * 86_400))
        let leaves = try (0..<20).map { _ in try mesh.credentials(Mesh.web).leaf.serialNumber }
        #expect(Set(leaves).count == 20)
        #expect(leaves.allSatisfy { $0.allSatisfy(\.isNumber) })
    }

    @Test func `a key that is not the certificate's is refused`() throws {
        let mesh = try Mesh()
        let pem = try mesh.authority.issue(mesh.template(Mesh.web.description), for: .generateP256())
        #expect(throws: TLSFailure.self) {
            try TLSCredentials(chain: pem, key: .generateP256(), roots: mesh.authority.facts.pem)
        }
    }

    @Test func `a leaf is no authority`() throws {
        let mesh = try Mesh()
        let key = try PrivateKey.generateP256()
        let leaf = try mesh.authority.issue(mesh.template(Mesh.web.description), for: key)
        #expect(throws: TLSFailure(.configuration, "the certificate is not a CA's")) {
            try CertificateAuthority(certificate: leaf, key: key)
        }
    }

    @Test(arguments: ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func `text that holds no certificate is refused`(text: String) {
        #expect(throws: TLSFailure.self) { try CertificateFacts.all(inPEM: Array(text.utf8)) }
        #expect(throws: TLSFailure.self) { try PrivateKey(pem: Array(text.utf8)) }
        #expect(throws: TLSFailure.self) { try CertificateSigningRequest(pem: Array(text.utf8)) }
    }

    @Test func `a PEM beyond the limit is refused`() {
        #expect(throws: TLSFailure.self) {
            try CertificateFacts.all(inPEM: [UInt8](repeating: 10, count: Limits.pemByteCountMax + 1))
        }
    }

    @Test func `a bundle gives its certificates in order`() throws {
        let mesh = try Mesh()
        let leaf = try mesh.credentials(Mesh.web).leaf
        let facts = try CertificateFacts.all(inPEM: leaf.pem + Array("comment\n".utf8) + mesh.authority.facts.pem)
        #expect(facts == [leaf, mesh.authority.facts])
    }
}
