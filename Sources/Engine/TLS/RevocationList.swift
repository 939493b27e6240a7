import COpenSSL
import Primitives

/// One revocation list (RFC 5280 5).
///
/// `@unchecked`: a list is never changed once parsed, and OpenSSL locks what it sorts when it is first searched.
@safe final class RevocationList: @unchecked Sendable {
    private let raw: OpaquePointer

    /// - Throws: if it is of a kind whose silence about a certificate says nothing.
    init(adopting raw: OpaquePointer) throws(TLSFailure) {
        unsafe self.raw = raw
        guard unsafe culvert_list_stands_alone(raw) == 1 else {
            throw TLSFailure(
                .configuration,
                "revocation list of \(issuer): a delta, an indirect list, or an unknown critical extension")
        }
    }

    deinit { unsafe X509_CRL_free(raw) }

    /// Equal for lists whose issuers have the same name.
    var nameHash: UInt { unsafe culvert_name_hash(X509_CRL_get_issuer(raw)) }

    /// The issuer's name, for the log.
    var issuer: String { unsafe DistinguishedName.text(X509_CRL_get_issuer(raw)) }

    /// Certificates that it names.
    var entryCount: Int { unsafe max(0, Int(culvert_revoked_count(raw))) }

    /// When a newer one was due; nil if it does not say.
    var nextUpdate: WallTime? {
        guard let time = unsafe X509_CRL_get0_nextUpdate(raw) else { return nil }
        return unsafe try? CertificateFacts.time(time)
    }

    /// Whether this certificate's issuer may have made it.
    func isNamed(for certificate: OpaquePointer, issuedBy issuer: OpaquePointer) -> Bool {
        unsafe X509_NAME_cmp(X509_CRL_get_issuer(raw), X509_get_issuer_name(certificate)) == 0
            && culvert_list_may_be_of(raw, issuer) == 1
    }

    func isSigned(by issuer: OpaquePointer) -> Bool {
        defer { ErrorQueue.clear() }
        return unsafe culvert_list_is_signed(raw, issuer) == 1
    }

    func revokes(_ certificate: OpaquePointer) -> Bool { unsafe culvert_list_revokes(raw, certificate) == 1 }
}

/// The names of subjects and issuers.
enum DistinguishedName {
    /// In one line (RFC 2253), for the log.
    static func text(_ name: OpaquePointer?) -> String {
        guard let output = try? PEM.output("name"),
            unsafe culvert_print_name(output.raw, name) >= 0
        else { return "" }
        return String(decoding: PEM.contents(of: output), as: UTF8.self)
    }
}
