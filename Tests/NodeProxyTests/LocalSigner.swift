import Certificates
import Identity
import Primitives
import System
import TLS

/// A CA in the process, in the place of the control plane's.
final class LocalSigner: CertificateSigner {
    private let authority: CertificateAuthority
    private let refused: Set<String>

    /// - Parameter refused: the service accounts that get no certificate.
    init(_ authority: CertificateAuthority, refusing refused: Set<String> = []) {
        self.authority = authority
        self.refused = refused
    }

    static func makeAuthority() throws -> CertificateAuthority { try makeRoot().authority }

    static func makeRoot() throws -> (authority: CertificateAuthority, key: PrivateKey) {
        let root = try CertificateAuthority.makeRoot(organization: "culvert tests", now: WallClock.now())
        return (root.authority, root.key)
    }

    func sign(
        _ request: [UInt8], for identity: SPIFFEID,
        completion: @escaping (Result<[String], CertificateFailure>) -> Void
    ) {
        if refused.contains(identity.serviceAccount) {
            return completion(.failure(CertificateFailure("not for this account")))
        }
        do {
            let leaf = try authority.sign(
                CertificateSigningRequest(pem: request),
                .workload(uri: identity.description, lifetime: .seconds(3600), now: WallClock.now()))
            completion(
                .success([String(decoding: leaf, as: UTF8.self), String(decoding: authority.facts.pem, as: UTF8.self)]))
        } catch {
            completion(.failure(CertificateFailure("\(error)")))
        }
    }
}

extension CertificateAuthority {
    /// Writes `root.pem`, `NAME.pem` and `NAME.key` for a peer that we did not write.
    func issue(_ identity: SPIFFEID, as name: String, in folder: String) throws {
        let key = try PrivateKey.generateP256()
        let leaf = try issue(
            .workload(uri: identity.description, lifetime: .seconds(3600), now: WallClock.now()), for: key)
        try FileSystem.write(leaf, to: "\(folder)/\(name).pem", mode: 0o600)
        try FileSystem.write(key.pem(), to: "\(folder)/\(name).key", mode: 0o600)
        try FileSystem.write(facts.pem, to: "\(folder)/root.pem", mode: 0o600)
    }
}
