public import Primitives

/// What a certificate is to say, but for its key and its issuer.
public struct CertificateTemplate: Sendable {
    /// What a leaf may be used for.
    public enum Usage: String, Sendable {
        case serverAuthentication = "serverAuth"
        case clientAuthentication = "clientAuth"
    }

    /// The subject's organisation; an empty subject if nil.
    public var organization: String?
    public var uris: [String] = []
    public var dnsNames: [String] = []
    public var addresses: [IPAddress] = []
    public var notBefore: WallTime
    public var notAfter: WallTime
    /// No extension at all if empty.
    public var usages: [Usage] = [.serverAuthentication, .clientAuthentication]
    /// May sign other certificates.
    public var isAuthority = false

    public init(notBefore: WallTime, notAfter: WallTime) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// The template of a workload's certificate: valid from two minutes ago, since clocks differ, for `lifetime` from
    /// now.
    public static func workload(uri: String, lifetime: Duration, now: WallTime) -> CertificateTemplate {
        var template = CertificateTemplate(notBefore: now.adding(.seconds(-120)), notAfter: now.adding(lifetime))
        template.uris = [uri]
        return template
    }

    /// The template of a root: ten years from two minutes ago.
    public static func root(organization: String, now: WallTime) -> CertificateTemplate {
        var template = CertificateTemplate(
            notBefore: now.adding(.seconds(-120)), notAfter: now.adding(.seconds(3_650 * 86_400)))
        template.organization = organization
        template.isAuthority = true
        return template
    }
}

extension WallTime {
    /// Saturates at both ends of the calendar.
    func adding(_ span: Duration) -> WallTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(span.clampedNanoseconds)
        return WallTime(nanoseconds: overflow ? (span > .zero ? .max : .min) : sum)
    }
}
