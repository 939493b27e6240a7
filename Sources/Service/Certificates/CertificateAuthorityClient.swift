public import ControlPlane
public import EventLoop
public import Identity
public import Primitives
import RPC
import Schema

/// The CA as a service of the control plane (`istio.v1.auth.IstioCertificateService`).
public final class CertificateAuthorityClient: CertificateSigner {
    private let access: ControlPlaneAccess
    private let lifetime: Duration
    private let answerLimit: Duration
    private let namesIdentity: Bool
    private let channel: RenewingChannel

    /// - Parameters:
    ///   - lifetime: of the certificates that are asked for, whole seconds; the CA may give less.
    ///   - answerLimit: the time that the CA has for each answer.
    ///   - namesIdentity: whether the CA is told for whom the certificate is; otherwise it is for whom our token is.
    public init(
        _ access: ControlPlaneAccess, lifetime: Duration, answerLimit: Duration = Limits.signingCallDurationMax,
        namesIdentity: Bool = true, loop: EventLoop
    ) {
        self.access = access
        self.lifetime = lifetime
        self.answerLimit = answerLimit
        self.namesIdentity = namesIdentity
        channel = RenewingChannel(access, loop: loop)
    }

    /// Asks the CA over the one connection that carries all calls; the first call makes it.
    public func sign(
        _ request: [UInt8], for identity: SPIFFEID,
        completion: @escaping (Result<[String], CertificateFailure>) -> Void
    ) {
        var message = IstioCertificateRequest()
        message.csr = String(decoding: request, as: UTF8.self)
        message.validityDuration = lifetime.components.seconds
        // The CA checks that this pod runs on the node of our token.
        if namesIdentity {
            message.metadata = Struct(["ImpersonatedIdentity": Value(.string(identity.description))])
        }
        do throws(AccessFailure) {
            let metadata = try access.metadata()
            try channel.channel().unary(
                Self.path, message.protobuf(), metadata: metadata, deadline: answerLimit
            ) { completion(Self.chain(in: $0)) }
        } catch {
            completion(.failure(CertificateFailure(error.description)))
        }
    }

    private static func chain(in result: Result<[UInt8], RPCStatus>) -> Result<[String], CertificateFailure> {
        switch result {
        case .failure(let status):
            return .failure(CertificateFailure("the CA did not sign: \(status)"))
        case .success(let bytes):
            do {
                return .success(try IstioCertificateResponse(protobuf: bytes).certChain)
            } catch {
                return .failure(CertificateFailure("the CA's answer is malformed: \(error)"))
            }
        }
    }

    private static let path = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
}

@available(*, unavailable)
extension CertificateAuthorityClient: Sendable {}
