import COpenSSL
public import Primitives

/// A certificate and key that sign other certificates.
public struct CertificateAuthority: Sendable {
    /// What the authority's own certificate says, its PEM included.
    public let facts: CertificateFacts
    private let certificate: Certificate
    private let key: PrivateKey

    /// - Parameter certificate: PEM.
    /// - Throws: if the certificate may not sign, or the key is not its own.
    public init(certificate: [UInt8], key: PrivateKey) throws(TLSFailure) {
        self.certificate = try CertificateBundle(pem: certificate, "CA certificate").certificates[0]
        facts = try CertificateFacts(of: self.certificate)
        self.key = key
        guard facts.isAuthority else { throw TLSFailure(.configuration, "the certificate is not a CA's") }
        ErrorQueue.clear()
        try check(
            unsafe X509_check_private_key(self.certificate.raw, key.raw), .configuration, "the key is not the CA's")
    }

    /// A fresh root with a P-256 key, valid for ten years.
    public static func makeRoot(
        organization: String, now: WallTime
    ) throws(TLSFailure) -> (authority: CertificateAuthority, key: PrivateKey) {
        let key = try PrivateKey.generateP256()
        let template = CertificateTemplate.root(organization: organization, now: now)
        let pem = try unsafe build(template, subjectKey: key.raw, issuer: nil, issuerKey: key)
        return (try CertificateAuthority(certificate: pem, key: key), key)
    }

    /// Certifies the key of a signing request. Of the request nothing but the key is used.
    /// - Returns: PEM.
    public func sign(
        _ request: CertificateSigningRequest, _ template: CertificateTemplate
    ) throws(TLSFailure) -> [UInt8] {
        let request = try CertificateSigningRequest.parse(request.pem)
        guard let subjectKey = unsafe X509_REQ_get0_pubkey(request.raw) else {
            throw TLSFailure(.configuration, "certificate request without a key")
        }
        return try unsafe Self.build(template, subjectKey: subjectKey, issuer: certificate, issuerKey: key)
    }

    /// Certifies a key of our own.
    /// - Returns: PEM.
    public func issue(_ template: CertificateTemplate, for subjectKey: PrivateKey) throws(TLSFailure) -> [UInt8] {
        try unsafe Self.build(template, subjectKey: subjectKey.raw, issuer: certificate, issuerKey: key)
    }

    private static func build(
        _ template: CertificateTemplate, subjectKey: OpaquePointer, issuer: Certificate?, issuerKey: PrivateKey
    ) throws(TLSFailure) -> [UInt8] {
        let doing = "certificate"
        ErrorQueue.clear()
        let certificate = try unsafe Handle(X509_new(), X509_free, .resources, doing)
        let raw = unsafe certificate.raw
        let version3 = 2
        try check(unsafe X509_set_version(raw, version3), .resources, doing)
        try unsafe setSerialNumber(raw)
        try unsafe setDates(raw, template)
        if let organization = template.organization {
            let name = unsafe X509_get_subject_name(raw)
            let bytes = Array(organization.utf8)
            try check(
                unsafe X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, bytes, Int32(clamping: bytes.count), -1, 0),
                .configuration, "organisation \(organization)")
        }
        let signer = unsafe issuer?.raw ?? raw
        try check(unsafe X509_set_issuer_name(raw, X509_get_subject_name(signer)), .resources, doing)
        try check(unsafe X509_set_pubkey(raw, subjectKey), .configuration, doing)
        try unsafe addExtensions(raw, template, signer: signer)
        try check(unsafe X509_sign(raw, issuerKey.raw, EVP_sha256()), .configuration, "signing")
        let output = try PEM.output(doing)
        try check(unsafe PEM_write_bio_X509(output.raw, raw), .resources, doing)
        return PEM.contents(of: output)
    }

    private static func addExtensions(
        _ raw: OpaquePointer, _ template: CertificateTemplate, signer: OpaquePointer
    ) throws(TLSFailure) {
        var extensions: [(Int32, String)] = [
            (NID_basic_constraints, template.isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE"),
            (NID_key_usage, template.isAuthority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"),
            (NID_subject_key_identifier, "hash"),
            (NID_authority_key_identifier, "keyid:always"),
        ]
        if !template.isAuthority, !template.usages.isEmpty {
            extensions.append((NID_ext_key_usage, template.usages.map(\.rawValue).joined(separator: ",")))
        }
        for (kind, value) in extensions {
            try check(unsafe culvert_add_extension(raw, signer, kind, value), .configuration, "extension \(value)")
        }
        if template.uris.isEmpty, template.dnsNames.isEmpty, template.addresses.isEmpty { return }
        let names = try SubjectNames.make(
            uris: template.uris, dnsNames: template.dnsNames, addresses: template.addresses)
        // RFC 5280 4.2.1.6: critical where the subject is empty.
        let isCritical: Int32 = template.organization == nil ? 1 : 0
        try check(
            unsafe X509_add1_ext_i2d(raw, NID_subject_alt_name, UnsafeMutableRawPointer(names.raw), isCritical, 0),
            .resources, "subject names")
    }

    private static func setSerialNumber(_ raw: OpaquePointer) throws(TLSFailure) {
        let number = try unsafe Handle(BN_new(), BN_free, .resources, "serial number")
        // RFC 5280 4.1.2.2: positive, at most 20 bytes, and not to be guessed.
        try check(unsafe BN_rand(number.raw, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), .resources, "serial number")
        guard unsafe BN_to_ASN1_INTEGER(number.raw, X509_get_serialNumber(raw)) != nil else {
            throw TLSFailure(.resources, "serial number")
        }
    }

    private static func setDates(_ raw: OpaquePointer, _ template: CertificateTemplate) throws(TLSFailure) {
        guard unsafe ASN1_TIME_set(X509_getm_notBefore(raw), Int(template.notBefore.seconds)) != nil,
            unsafe ASN1_TIME_set(X509_getm_notAfter(raw), Int(template.notAfter.seconds)) != nil
        else { throw TLSFailure(.configuration, "certificate dates", ErrorQueue.drain()) }
    }
}
