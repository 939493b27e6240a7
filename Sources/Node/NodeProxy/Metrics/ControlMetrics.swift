import Discovery
import Primitives
import Telemetry

/// What the control loop counts: discovery, certificates and pods.
struct ControlMetrics {
    /// Responses by the type of their resources, and the bytes of these.
    private(set) var messages = LabelledCounters(countMax: Limits.discoveryTypeCountMax, overflow: "other")
    private(set) var messageBytes = LabelledCounters(countMax: Limits.discoveryTypeCountMax, overflow: "other")
    private(set) var terminations: [DiscoveryTermination: UInt64] = [:]
    var startedPods: UInt64 = 0
    var stoppedPods: UInt64 = 0
    var fetchedCertificates: UInt64 = 0
    var failedCertificates: UInt64 = 0

    mutating func received(_ typeURL: String, byteCount: Int) {
        messages.add(typeURL)
        messageBytes.add(typeURL, UInt64(byteCount))
    }

    mutating func ended(_ termination: DiscoveryTermination) { terminations[termination, default: 0] &+= 1 }
}

/// Gauges of the control loop at one moment.
struct ControlGauges {
    var activePods = 0
    var pendingPods = 0
    var workloads = 0
    var services = 0
    var policies = 0
    var isReady = false
    /// Of the certificates that are valid.
    var certificates = 0
    /// When the first of these ends.
    var certificateEnd: WallTime?
    var droppedLogLines = 0
}
