import COpenSSL
import Primitives

/// A parsed certificate.
///
/// `@unchecked`: certificates are never changed once parsed, and OpenSSL counts their references atomically.
@safe final class Certificate: @unchecked Sendable {
    let raw: OpaquePointer

    init(adopting raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe X509_free(raw) }

    /// Takes a reference to a certificate that someone else owns.
    convenience init?(sharing raw: OpaquePointer?) {
        guard let raw = unsafe raw, unsafe X509_up_ref(raw) == 1 else { return nil }
        unsafe self.init(adopting: raw)
    }

    /// May sign other certificates.
    var isAuthority: Bool { unsafe X509_get_extension_flags(raw) & UInt32(EXFLAG_CA) != 0 }

    /// URI subject alternative names, in order.
    var uris: [String] { SubjectNames.uris(of: self) }
}

/// The certificates of a PEM bundle; text between its blocks is ignored.
struct CertificateBundle {
    /// At least one.
    let certificates: [Certificate]

    /// Blocks that held no certificate.
    let skippedCount: Int

    /// - Throws: if there is no certificate, too many, or, unless `skipsBroken`, one that cannot be parsed.
    init(pem: [UInt8], skipsBroken: Bool = false, _ what: String) throws(TLSFailure) {
        let input = try PEM.input(pem, what)
        var certificates: [Certificate] = []
        var skippedCount = 0
        while certificates.count + skippedCount <= Limits.certificateCountMax {
            if let raw = unsafe PEM_read_bio_X509(input.raw, nil, nil, nil) {
                certificates.append(unsafe Certificate(adopting: raw))
                continue
            }
            let entries = ErrorQueue.drain()
            if let last = entries.last, last.library == ERR_LIB_PEM, last.reason == PEM_R_NO_START_LINE { break }
            guard skipsBroken else { throw TLSFailure(.configuration, what, entries) }
            skippedCount += 1
        }
        guard certificates.count + skippedCount <= Limits.certificateCountMax else {
            throw TLSFailure(.configuration, "\(what): more than \(Limits.certificateCountMax) certificates")
        }
        guard !certificates.isEmpty else { throw TLSFailure(.configuration, "\(what): no certificate") }
        self.certificates = certificates
        self.skippedCount = skippedCount
    }
}
