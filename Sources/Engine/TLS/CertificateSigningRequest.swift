import COpenSSL
public import Identity

/// A request for a certificate (PKCS#10, RFC 2986).
public struct CertificateSigningRequest: Sendable {
    /// The URI subject alternative names that it asks for, in order.
    public let uris: [String]
    let pem: [UInt8]

    /// The request that a node sends for an identity: empty subject, and the identity as its only name, critical.
    /// - Returns: PEM.
    public static func make(identity: SPIFFEID, key: PrivateKey) throws(TLSFailure) -> [UInt8] {
        let doing = "certificate request"
        ErrorQueue.clear()
        let request = try unsafe Handle(X509_REQ_new(), X509_REQ_free, .resources, doing)
        let names = try SubjectNames.make(uris: [identity.description])
        try check(unsafe X509_REQ_set_version(request.raw, 0), .resources, doing)
        try check(unsafe X509_REQ_set_pubkey(request.raw, key.raw), .resources, doing)
        try check(unsafe culvert_request_add_names(request.raw, names.raw), .resources, doing)
        try check(unsafe X509_REQ_sign(request.raw, key.raw, EVP_sha256()), .resources, doing)
        let output = try PEM.output(doing)
        try check(unsafe PEM_write_bio_X509_REQ(output.raw, request.raw), .resources, doing)
        return PEM.contents(of: output)
    }

    /// Parses a request and checks that its sender holds the key.
    public init(pem: [UInt8]) throws(TLSFailure) {
        let request = try Self.parse(pem)
        uris = SubjectNames.uris(of: request)
        self.pem = pem
    }

    static func parse(_ pem: [UInt8]) throws(TLSFailure) -> Handle {
        let doing = "certificate request"
        let input = try PEM.input(pem, doing)
        let request = try unsafe Handle(
            PEM_read_bio_X509_REQ(input.raw, nil, nil, nil), X509_REQ_free, .configuration, doing)
        let key = unsafe X509_REQ_get0_pubkey(request.raw)
        try check(unsafe X509_REQ_verify(request.raw, key), .configuration, "\(doing) with a wrong signature")
        return request
    }
}
