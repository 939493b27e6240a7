import Certificates
import HTTP2
import System
import TLS
import Telemetry
import Tunnel

extension PodProxy {
    /// Starts a tunnel from the pod's namespace.
    func dialTunnel(
        _ key: TunnelKey, _ certificate: WorkloadCertificate, _ owner: any TunnelOwner
    ) throws(TunnelFailure) -> TunnelConnection {
        let tls: TLSConnection
        do {
            tls = try TLSConnection(client: certificate.client, expecting: key.expected)
        } catch {
            throw .handshake(error)
        }
        do {
            return try TunnelConnection(
                connecting: worker.connect(in: namespace, to: key.destination), tls: tls,
                settings: worker.configuration.tunnelSettings(.tunnelClient),
                expiredDuration: worker.configuration.expiredTunnelDuration, loop: worker.loop,
                buffers: worker.buffers, owner: owner)
        } catch {
            throw .connect(error)
        }
    }
}

extension Worker {
    /// Counts servers that were cut off for what they sent, and says why: their clients learn only that they are gone.
    func lost(_ key: TunnelKey, _ failure: TunnelFailure) {
        guard case .http2 = failure, let reason = PeerRefusal(failure) else { return }
        counted.refusedPeers[reason, default: 0] &+= 1
        logger.log(
            .warn, "proxy", "tunnel to a server cut off",
            [.bare("dst.addr", key.destination), .text("dst.workload", key.workload), .text("error", "\(failure)")])
    }
}

extension NodeConfiguration {
    /// The settings of one role with what the operator changed.
    func tunnelSettings(_ role: HTTP2Settings) -> HTTP2Settings {
        HTTP2Settings(
            streamWindowByteCount: streamWindowByteCount, connectionWindowByteCount: connectionWindowByteCount,
            frameByteCountMax: frameByteCountMax, fieldListByteCountMax: role.fieldListByteCountMax,
            streamCountMax: role.streamCountMax)
    }
}
