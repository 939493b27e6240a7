public import Identity

/// Has keys certified: the CA, or a stand-in for it in tests.
public protocol CertificateSigner: AnyObject {
    /// Sends one request.
    /// - Parameters:
    ///   - request: a PKCS#10 request in PEM.
    ///   - completion: called once, on the event loop, within `Limits.signingCallDurationMax`: with the leaf, the
    ///     intermediates and last the roots, in PEM; or with why there are none.
    func sign(
        _ request: [UInt8], for identity: SPIFFEID,
        completion: @escaping (Result<[String], CertificateFailure>) -> Void)
}
