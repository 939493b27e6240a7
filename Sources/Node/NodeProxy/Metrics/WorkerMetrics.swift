import HTTP2
import Primitives
import Telemetry
import Tunnel

/// Everything that one worker, or all of them, have counted.
struct WorkerMetrics: Sendable {
    var traffic: [TrafficLabels: TrafficCounts] = [:]
    /// Connections that are open now.
    var openSockets: [Reporter: UInt64] = [:]
    var refusedPeers: [PeerRefusal: UInt64] = [:]
    /// Tunnels that were refused or cut off because the peer's certificate is revoked.
    var revokedPeers: [Reporter: UInt64] = [:]
    /// Connections that were turned away before their parties were known.
    var refusedConnections: [Reporter: UInt64] = [:]
    /// Streams that were reset because too much waited for applications that do not read.
    var stalledStreams: UInt64 = 0
    var names = NameTraffic()
    /// Lookups of destinations that have a name only, by who wanted there.
    var hostnames = LabelledCounters(
        countMax: Limits.nameSeriesCountMax, overflow: MetricLabels("hostname", "overflow"))

    /// From the turn in which news of the mesh were there to decisions by it.
    var adoptions = MetricHistogram(bounds: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1, 5])

    mutating func merge(_ other: WorkerMetrics) {
        for (labels, counts) in other.traffic { traffic[labels, default: TrafficCounts()].merge(counts) }
        openSockets.merge(other.openSockets) { $0 &+ $1 }
        refusedPeers.merge(other.refusedPeers) { $0 &+ $1 }
        revokedPeers.merge(other.revokedPeers) { $0 &+ $1 }
        refusedConnections.merge(other.refusedConnections) { $0 &+ $1 }
        stalledStreams &+= other.stalledStreams
        names.merge(other.names)
        hostnames.merge(other.hostnames)
        adoptions.merge(other.adoptions)
    }
}

/// Why a peer that came to 15008 was turned away or cut off, as the label `reason` says it.
enum PeerRefusal: String, CaseIterable, Sendable {
    case handshakeFailed = "tls_handshake"
    case revoked = "certificate_revoked"
    case expired = "certificate_expired"
    case handshakeTimedOut = "tls_handshake_timeout"
    case tooManyHandshakes = "too_many_handshakes"
    case tooManyTunnels = "too_many_tunnels"
    case notHTTP2 = "not_http2"
    case protocolViolation = "protocol_violation"
    case flood
    case outOfMemory = "out_of_memory"
    case keepAliveTimedOut = "keepalive_timeout"

    /// Nil for endings that are nobody's fault.
    init?(_ failure: TunnelFailure?) {
        switch failure {
        case .revoked: self = .revoked
        case .expired: self = .expired
        case .handshake: self = failure?.isRevocation == true ? .revoked : .handshakeFailed
        case .handshakeTimedOut: self = .handshakeTimedOut
        case .keepAliveTimedOut: self = .keepAliveTimedOut
        case .http2(let http2):
            switch http2.kind {
            case .notHTTP2: self = .notHTTP2
            case .violation: self = .protocolViolation
            case .flooded, .abused: self = .flood
            case .outOfMemory: self = .outOfMemory
            case .misuse: return nil
            }
        case .none, .connect, .connectTimedOut, .socket, .peerClosed, .abandoned: return nil
        }
    }
}
