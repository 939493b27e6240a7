import Identity
import TLS
import Telemetry
import Tunnel

extension Worker {
    /// Ends the tunnels whose peers these lists revoke.
    func close(ifRevokedBy lists: RevocationLists) {
        for pod in pods.values { pod.close(ifRevokedBy: lists) }
    }

    /// Counts and logs a tunnel that was refused or ended, if that was because its peer is revoked.
    func noteRevocation(_ failure: TunnelFailure, _ reporter: Reporter, _ peer: SPIFFEID?) {
        guard failure.isRevocation else { return }
        counted.revokedPeers[reporter, default: 0] &+= 1
        logger.log(
            .warn, "crl", "peer certificate revoked",
            [
                .text("reporter", reporter.rawValue), .text("identity", peer?.description ?? ""),
                .text("error", "\(failure)"),
            ])
    }
}
