public import Primitives
import System
public import TLS

/// Where the certificate authority keeps its root: `root-key.pem` (0600) and `root-cert.pem`, which nodes are given.
public struct AuthorityFolder: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    /// The root certificate, PEM.
    public var rootPath: String { "\(path)/root-cert.pem" }
    private var keyPath: String { "\(path)/root-key.pem" }

    /// The authority, made at the first start.
    public func open(organization: String, now: WallTime) throws(AuthorityFailure) -> CertificateAuthority {
        do {
            try FileSystem.makeDirectory(path, mode: 0o700)
            // The certificate is written last: without it, a key alone has certified nothing yet.
            guard try FileSystem.status(of: rootPath) != nil else { return try make(organization, now) }
            return try load()
        } catch let failure as AuthorityFailure {
            throw failure
        } catch {
            throw AuthorityFailure(reason: "\(path): \(error)")
        }
    }

    private func make(_ organization: String, _ now: WallTime) throws -> CertificateAuthority {
        let (authority, key) = try CertificateAuthority.makeRoot(organization: organization, now: now)
        try FileSystem.write(try key.pem(), to: keyPath, mode: 0o600)
        try FileSystem.write(authority.facts.pem, to: rootPath, mode: 0o644)
        return authority
    }

    private func load() throws -> CertificateAuthority {
        guard let status = try FileSystem.status(of: keyPath) else {
            throw AuthorityFailure(reason: "\(keyPath) is missing, though its certificate is there")
        }
        guard status.mode & 0o077 == 0 else {
            throw AuthorityFailure(reason: "\(keyPath) can be read by others; it may have leaked")
        }
        let key = try PrivateKey(pem: try FileSystem.read(keyPath))
        return try CertificateAuthority(certificate: try FileSystem.read(rootPath), key: key)
    }
}

/// Why there is no certificate authority.
public struct AuthorityFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public var reason: String
    public var description: String { reason }

    public init(reason: String) { self.reason = reason }
}
