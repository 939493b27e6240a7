public import Primitives
public import TLS

extension CertificateAuthority {
    /// A TLS context for the control plane's own server under the given names, which are IP addresses or DNS names.
    public func serverContext(
        names: [String], lifetime: Duration, now: WallTime
    ) throws(TLSFailure) -> TLSContext {
        var template = CertificateTemplate.workload(uri: "", lifetime: lifetime, now: now)
        template.uris = []
        template.addresses = names.compactMap { IPAddress($0) }
        template.dnsNames = names.filter { IPAddress($0) == nil }
        template.usages = [.serverAuthentication]
        let key = try PrivateKey.generateP256()
        return try TLSContext.plainServer(chain: try issue(template, for: key), key: key)
    }
}
