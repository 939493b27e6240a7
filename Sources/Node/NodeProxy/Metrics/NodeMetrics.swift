import Discovery
import Primitives
import System
import Telemetry

/// The node's page of metrics: ztunnel's names, and `culvert_` before those that it does not have.
struct NodeMetrics {
    /// What all workers have counted.
    var workers = WorkerMetrics()
    let control: ControlMetrics
    let gauges: ControlGauges
    /// What the operator calls this version.
    let tag: String

    /// The page.
    func page() -> [UInt8] {
        var page = MetricsPage()
        writeProcess(to: &page)
        writeDiscovery(to: &page)
        writeTraffic(to: &page)
        writeRevocations(to: &page)
        writeNames(to: &page)
        writePods(to: &page)
        writeOwn(to: &page)
        return page.finish()
    }

    private func writeProcess(to page: inout MetricsPage) {
        if let count = ResourceLimits.openFileCount { page.write(.openFiles, count) }
        page.write(.openFilesMax, ResourceLimits.openFileCountMax)
        var labels = MetricLabels("component", "ztunnel")
        labels.append("tag", tag)
        page.write(.build) { $0.sample(labels.bytes, 1) }
    }

    private func writeDiscovery(to page: inout MetricsPage) {
        page.write(.discoveryTerminations) { page in
            for (reason, count) in control.terminations.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                page.sample(MetricLabels("reason", reason.rawValue).bytes, count)
            }
        }
        page.write(.discoveryMessages) { $0.sample(control.messages, "url") }
        page.write(.discoveryBytes) { $0.sample(control.messageBytes, "url") }
    }

    private func writeTraffic(to page: inout MetricsPage) {
        let traffic = workers.traffic
        page.write(.opened) { page in
            for (labels, counts) in traffic { page.sample(labels.with(.none), counts.opened) }
        }
        page.write(.closed) { $0.sample(traffic, of: ResponseFlag.allCases) }
        page.write(.received) { page in
            for (labels, counts) in traffic { page.sample(labels.with(.none), counts.received) }
        }
        page.write(.sent) { page in
            for (labels, counts) in traffic { page.sample(labels.with(.none), counts.sent) }
        }
        page.write(.failed) { $0.sample(traffic, of: ResponseFlag.allCases.filter { $0 != .none }) }
        page.write(.openSockets) { page in
            for reporter in Reporter.allCases {
                guard let count = workers.openSockets[reporter] else { continue }
                page.sample(MetricLabels("reporter", reporter.rawValue).bytes, count)
            }
        }
    }

    private func writeRevocations(to page: inout MetricsPage) {
        page.write(.revokedPeers) { page in
            for reporter in Reporter.allCases {
                guard let count = workers.revokedPeers[reporter] else { continue }
                page.sample(MetricLabels("reporter", reporter.rawValue).bytes, count)
            }
        }
    }

    private func writeNames(to page: inout MetricsPage) {
        let names = workers.names.counts
        page.write(.nameRequests) { page in
            for (labels, counts) in names where counts.requests > 0 { page.sample(labels.bytes, counts.requests) }
        }
        page.write(.forwardedNames) { page in
            for (labels, counts) in names where counts.forwarded > 0 { page.sample(labels.bytes, counts.forwarded) }
        }
        page.write(.failedNames) { page in
            for (labels, counts) in names where counts.failed > 0 { page.sample(labels.bytes, counts.failed) }
        }
        page.write(.nameDurations) { page in
            for (labels, counts) in names where counts.durations.count > 0 {
                page.sample(labels.bytes, counts.durations)
            }
        }
        page.write(.hostnameLookups) { page in
            for (labels, count) in workers.hostnames.counts { page.sample(labels.bytes, count) }
        }
    }

    private func writePods(to page: inout MetricsPage) {
        page.write(.activePods, UInt64(gauges.activePods))
        page.write(.pendingPods, UInt64(gauges.pendingPods))
        page.write(.startedPods, control.startedPods)
        page.write(.stoppedPods, control.stoppedPods)
    }

    /// What ztunnel does not tell.
    private func writeOwn(to page: inout MetricsPage) {
        page.write(.refusedPeers) { page in
            for reason in PeerRefusal.allCases {
                page.sample(MetricLabels("reason", reason.rawValue).bytes, workers.refusedPeers[reason] ?? 0)
            }
        }
        page.write(.refusedConnections) { page in
            for reporter in Reporter.allCases {
                let count = workers.refusedConnections[reporter] ?? 0
                page.sample(MetricLabels("reporter", reporter.rawValue).bytes, count)
            }
        }
        page.write(.stalledStreams, workers.stalledStreams)
        page.write(.meshResources) { page in
            for (kind, count) in [
                ("workload", gauges.workloads), ("service", gauges.services), ("policy", gauges.policies),
            ] {
                page.sample(MetricLabels("kind", kind).bytes, UInt64(count))
            }
        }
        page.write(.meshReady, gauges.isReady ? 1 : 0)
        page.write(.meshAdoptions) { $0.sample([], workers.adoptions) }
        page.write(.certificateFetches) { page in
            page.sample(MetricLabels("result", "success").bytes, control.fetchedCertificates)
            page.sample(MetricLabels("result", "failure").bytes, control.failedCertificates)
        }
        page.write(.certificates, UInt64(gauges.certificates))
        if let end = gauges.certificateEnd {
            page.write(.certificateEnd, UInt64(max(0, end.nanoseconds / 1_000_000_000)))
        }
        page.write(.droppedLogLines, UInt64(gauges.droppedLogLines))
    }
}

extension MetricsPage {
    fileprivate mutating func sample(_ counters: LabelledCounters<String>, _ name: StaticString) {
        for (value, count) in counters.counts.sorted(by: { $0.key < $1.key }) {
            sample(MetricLabels(name, value).bytes, count)
        }
    }

    /// Connections that ended with these flags.
    fileprivate mutating func sample(_ traffic: [TrafficLabels: TrafficCounts], of flags: [ResponseFlag]) {
        for (labels, counts) in traffic {
            for flag in flags where counts.closed[flag.rawValue] > 0 {
                sample(labels.with(flag), counts.closed[flag.rawValue])
            }
        }
    }
}
