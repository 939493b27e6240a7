import Primitives
import System
import TLS

/// A CA whose revocation lists are made by the `openssl` program.
final class RevokingAuthority {
    let authority: CertificateAuthority
    private let folder: String

    /// - Parameters:
    ///   - name: of the issuer.
    ///   - parent: nil for a root.
    init(_ name: String = "culvert tests", below parent: RevokingAuthority? = nil) throws {
        let key: PrivateKey
        if let parent {
            key = try PrivateKey.generateP256()
            let template = CertificateTemplate.root(organization: name, now: WallClock.now())
            authority = try CertificateAuthority(certificate: parent.authority.issue(template, for: key), key: key)
        } else {
            (authority, key) = try CertificateAuthority.makeRoot(organization: name, now: WallClock.now())
        }
        folder = "/tmp/culvert-crl-\(String(Entropy.uint64(), radix: 16))"
        try FileSystem.makeDirectory(folder, mode: 0o700)
        try FileSystem.write(authority.facts.pem, to: "\(folder)/ca.pem", mode: 0o600)
        try FileSystem.write(key.pem(), to: "\(folder)/ca.key", mode: 0o600)
    }

    deinit { _ = try? ChildProcess.run(["rm", "-rf", folder]) }

    /// The credentials of an identity that it has certified, by its intermediates and under these roots.
    func credentials(_ uri: String, under root: RevokingAuthority? = nil) throws -> TLSCredentials {
        let key = try PrivateKey.generateP256()
        let leaf = try authority.issue(.workload(uri: uri, lifetime: .seconds(3600), now: WallClock.now()), for: key)
        return try TLSCredentials(
            chain: leaf + (root == nil ? [] : authority.facts.pem), key: key,
            roots: (root ?? self).authority.facts.pem)
    }

    /// A list in PEM that names these certificates (PEM).
    /// - Parameters:
    ///   - extensions: lines of OpenSSL's configuration.
    ///   - arguments: more of them.
    func list(
        revoking certificates: [[UInt8]], extensions: String = "authorityKeyIdentifier=keyid", _ arguments: String...
    ) throws -> [UInt8] {
        let text = """
            [ca]
            default_ca = c
            [c]
            database = \(folder)/index
            certificate = \(folder)/ca.pem
            private_key = \(folder)/ca.key
            default_md = sha256
            default_crl_days = 1
            unique_subject = no
            crl_extensions = e
            [e]
            \(extensions)

            """
        try FileSystem.write(Array(text.utf8), to: "\(folder)/config", mode: 0o600)
        try FileSystem.write([], to: "\(folder)/index", mode: 0o600)
        for certificate in certificates {
            try FileSystem.write(certificate, to: "\(folder)/revoked.pem", mode: 0o600)
            try run(["-revoke", "\(folder)/revoked.pem"])
        }
        try run(["-gencrl", "-out", "\(folder)/crl.pem"] + arguments)
        return try FileSystem.read("\(folder)/crl.pem")
    }

    /// The same list in DER.
    func binary(_ list: [UInt8]) throws -> [UInt8] {
        try ChildProcess.run(["openssl", "crl", "-outform", "DER"], input: list).output
    }

    private func run(_ arguments: [String]) throws {
        let result = try ChildProcess.run(["openssl", "ca", "-config", "\(folder)/config"] + arguments)
        guard result.status == .exited(0) else {
            throw TLSFailure(.configuration, String(decoding: result.errors, as: UTF8.self))
        }
    }
}
