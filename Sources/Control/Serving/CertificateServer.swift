import Identity
import RPC
import Schema
import Signing
import System
import Telemetry

/// Serves requests for certificates.
final class CertificateServer {
    static let path = "/istio.v1.auth.IstioCertificateService/CreateCertificate"

    private let issuer: CertificateIssuer
    private let logger: Logger
    /// Which node may have which identity; follows the state of the mesh.
    var grants = IdentityGrants()

    init(issuer: CertificateIssuer, logger: Logger) {
        self.issuer = issuer
        self.logger = logger
    }

    /// Answers a request of the node that has proved to be `node`. What it may not have it is not told why.
    func answer(_ message: [UInt8], node: String) -> Result<[UInt8], RPCStatus> {
        let request: IstioCertificateRequest
        do throws(ProtobufError) {
            request = try IstioCertificateRequest(protobuf: message)
        } catch {
            return .failure(RPCStatus(.invalidArgument, error.description))
        }
        let identity = request.metadata?.string(CertificateIssuer.identityField) ?? ""
        do throws(IssuanceFailure) {
            let response = try issuer.issue(request, to: node, grants: grants, now: WallClock.now())
            logger.log(.info, "ca", "certificate issued", [.text("node", node), .text("identity", identity)])
            return .success(response.protobuf())
        } catch {
            let fields: [LogField] = [.text("node", node), .text("identity", identity), .text("reason", error.detail)]
            logger.log(.warn, "ca", "certificate refused", fields)
            return .failure(Self.status(error))
        }
    }

    private static func status(_ failure: IssuanceFailure) -> RPCStatus {
        switch failure.kind {
        case .refused: RPCStatus(.unauthenticated, "request impersonation authentication failure")
        case .badRequest: RPCStatus(.invalidArgument, "CSR signing error (\(failure.detail))")
        case .unavailable: RPCStatus(.internalError, "CSR signing error")
        }
    }
}
