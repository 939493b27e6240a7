import Certificates
import Identity
import Primitives
import System
import TLS

/// A CA in memory that answers when and how the test says.
final class FakeAuthority: CertificateSigner {
    typealias Completion = (Result<[String], CertificateFailure>) -> Void

    let authority: CertificateAuthority
    private(set) var calls: [(request: [UInt8], identity: SPIFFEID, completion: Completion)] = []
    private(set) var identities: [SPIFFEID] = []

    /// PEM.
    var root: String { text(authority.facts.pem) }

    init() throws {
        authority = try CertificateAuthority.makeRoot(organization: "tests", now: WallClock.now()).authority
    }

    func sign(_ request: [UInt8], for identity: SPIFFEID, completion: @escaping Completion) {
        calls.append((request, identity, completion))
        identities.append(identity)
    }

    /// Certifies the oldest open call, for another identity if one is given.
    func answer(lifetime: Duration = .seconds(3_600), as other: SPIFFEID? = nil) throws {
        let call = calls.removeFirst()
        let leaf = try leaf(for: call.request, other ?? call.identity, lifetime)
        call.completion(.success([leaf, root]))
    }

    /// Answers the oldest open call with anything.
    func answer(_ result: Result<[String], CertificateFailure>) { calls.removeFirst().completion(result) }

    func leaf(for request: [UInt8], _ identity: SPIFFEID, _ lifetime: Duration = .seconds(3_600)) throws -> String {
        let template = CertificateTemplate.workload(
            uri: identity.description, lifetime: lifetime, now: WallClock.now())
        return text(try authority.sign(CertificateSigningRequest(pem: request), template))
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
