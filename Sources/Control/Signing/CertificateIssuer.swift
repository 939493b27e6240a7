import Identity
public import Primitives
public import Schema
public import TLS

/// Decides on requests for certificates and signs those that are granted.
public struct CertificateIssuer: Sendable {
    /// The member of the metadata that names the identity asked for.
    public static let identityField = "ImpersonatedIdentity"

    private let authority: CertificateAuthority

    public init(authority: CertificateAuthority) { self.authority = authority }

    /// Signs the request's key for the identity that it asks for on behalf of a pod. `node` is who asks, proved by
    /// its token. The names in the signing request itself count for nothing.
    /// - Returns: the leaf and the root, PEM, each with a line feed at its end.
    public func issue(
        _ request: IstioCertificateRequest, to node: String, grants: IdentityGrants, now: WallTime
    ) throws(IssuanceFailure) -> IstioCertificateResponse {
        guard let text = request.metadata?.string(Self.identityField) else {
            throw IssuanceFailure(.refused, detail: "no identity is named")
        }
        guard let identity = SPIFFEID(text) else {
            throw IssuanceFailure(.refused, detail: "\(text) is no SPIFFE identity")
        }
        // Only identities of pods are granted, so that those of a foreign trust domain never are.
        guard grants.allows(identity, on: node) else {
            throw IssuanceFailure(.refused, detail: "no pod of \(identity) runs on \(node)")
        }
        let asked = request.validityDuration
        guard asked <= Limits.certificateLifetimeSecondsMax else {
            throw IssuanceFailure(.badRequest, detail: "a life of \(asked) s is longer than allowed")
        }
        let lifetime = asked > 0 ? asked : Limits.certificateLifetimeSecondsDefault
        return try sign(request.csr, for: identity, lifetime: .seconds(lifetime), now: now)
    }

    private func sign(
        _ csr: String, for identity: SPIFFEID, lifetime: Duration, now: WallTime
    ) throws(IssuanceFailure) -> IstioCertificateResponse {
        let request: CertificateSigningRequest
        do throws(TLSFailure) {
            request = try CertificateSigningRequest(pem: Array(csr.utf8))
        } catch {
            throw IssuanceFailure(.badRequest, detail: error.description)
        }
        do throws(TLSFailure) {
            let template = CertificateTemplate.workload(uri: identity.description, lifetime: lifetime, now: now)
            var response = IstioCertificateResponse()
            response.certChain = [try authority.sign(request, template), authority.facts.pem].map {
                let text = String(decoding: $0, as: UTF8.self)
                return text.hasSuffix("\n") ? text : "\(text)\n"
            }
            return response
        } catch {
            throw IssuanceFailure(.unavailable, detail: error.description)
        }
    }
}
