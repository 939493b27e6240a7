import COpenSSL
public import Identity
public import Primitives

/// What a certificate says, as values.
public struct CertificateFacts: Equatable, Sendable {
    /// URI subject alternative names, in order.
    public let uris: [String]
    public let notBefore: WallTime
    public let notAfter: WallTime
    /// Decimal.
    public let serialNumber: String
    /// May sign other certificates.
    public let isAuthority: Bool
    /// The certificate itself.
    public let pem: [UInt8]

    /// Reads every certificate of a PEM bundle.
    /// - Throws: if it holds none, or one that cannot be parsed.
    public static func all(inPEM pem: [UInt8]) throws(TLSFailure) -> [CertificateFacts] {
        try all(of: CertificateBundle(pem: pem, "certificates").certificates)
    }

    /// The first URI that is a SPIFFE identity.
    public var identity: SPIFFEID? { uris.lazy.compactMap { SPIFFEID($0) }.first }

    init(of certificate: Certificate) throws(TLSFailure) {
        uris = certificate.uris
        notBefore = try unsafe Self.time(X509_get0_notBefore(certificate.raw))
        notAfter = try unsafe Self.time(X509_get0_notAfter(certificate.raw))
        serialNumber = try unsafe Self.decimal(X509_get0_serialNumber(certificate.raw))
        isAuthority = certificate.isAuthority
        let output = try PEM.output("certificate")
        try check(unsafe PEM_write_bio_X509(output.raw, certificate.raw), .resources, "certificate")
        pem = PEM.contents(of: output)
    }

    static func all(of certificates: [Certificate]) throws(TLSFailure) -> [CertificateFacts] {
        var all: [CertificateFacts] = []
        for certificate in certificates { all.append(try CertificateFacts(of: certificate)) }
        return all
    }

    static func time(_ time: UnsafePointer<ASN1_TIME>?) throws(TLSFailure) -> WallTime {
        guard let epoch = unsafe ASN1_TIME_set(nil, 0) else { throw TLSFailure(.resources, "time") }
        defer { unsafe ASN1_TIME_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        try check(unsafe ASN1_TIME_diff(&days, &seconds, epoch, time), .configuration, "certificate dates")
        return WallTime(seconds: Int64(days) * 86_400 + Int64(seconds))
    }

    static func decimal(_ number: UnsafePointer<ASN1_INTEGER>?) throws(TLSFailure) -> String {
        let number = try unsafe Handle(ASN1_INTEGER_to_BN(number, nil), BN_free, .configuration, "serial number")
        guard let text = unsafe BN_bn2dec(number.raw) else { throw TLSFailure(.resources, "serial number") }
        defer { unsafe CRYPTO_free(text, nil, 0) }
        return unsafe String(cString: text)
    }
}
