import Primitives
import System
import Telemetry

/// The node's page of metrics: ztunnel's names, and `culvert_` before those that it does not have.
enum NodeMetrics {
    /// The page of what the workers have counted.
    static func page(_ workers: WorkerMetrics, tag: String) -> [UInt8] {
        var page = MetricsPage()
        writeProcess(to: &page)
        page.write(Self.build) { $0.sample(buildLabels(tag), 1) }
        writeTraffic(workers.traffic, to: &page)
        page.write(Self.openSockets) { page in
            for reporter in Reporter.allCases {
                guard let count = workers.openSockets[reporter] else { continue }
                page.sample(MetricLabels("reporter", reporter.rawValue).bytes, count)
            }
        }
        page.write(Self.refusedPeers) { page in
            for reason in PeerRefusal.allCases {
                page.sample(MetricLabels("reason", reason.rawValue).bytes, workers.refusedPeers[reason] ?? 0)
            }
        }
        return page.finish()
    }

    private static func writeProcess(to page: inout MetricsPage) {
        if let count = ResourceLimits.openFileCount { page.write(openFiles, count) }
        page.write(openFilesMax, ResourceLimits.openFileCountMax)
    }

    private static func buildLabels(_ tag: String) -> [UInt8] {
        var labels = MetricLabels("component", "ztunnel")
        labels.append("tag", tag)
        return labels.bytes
    }

    private static func writeTraffic(_ traffic: [TrafficLabels: TrafficCounts], to page: inout MetricsPage) {
        let flags = ResponseFlag.allCases
        page.write(opened) { page in
            for (labels, counts) in traffic { page.sample(labels.with(.none), counts.opened) }
        }
        page.write(closed) { page in
            for (labels, counts) in traffic {
                for flag in flags where counts.closed[flag.rawValue] > 0 {
                    page.sample(labels.with(flag), counts.closed[flag.rawValue])
                }
            }
        }
        page.write(received) { page in
            for (labels, counts) in traffic { page.sample(labels.with(.none), counts.received) }
        }
        page.write(sent) { page in
            for (labels, counts) in traffic { page.sample(labels.with(.none), counts.sent) }
        }
        page.write(failed) { page in
            for (labels, counts) in traffic {
                for flag in flags where flag != .none && counts.closed[flag.rawValue] > 0 {
                    page.sample(labels.with(flag), counts.closed[flag.rawValue])
                }
            }
        }
    }

    // MARK: Families

    private static let openFiles = MetricFamily(
        processWide: "process_open_fds", help: "Number of open file descriptors")
    private static let openFilesMax = MetricFamily(
        processWide: "process_max_fds", help: "Maximum number of file descriptors")
    private static let build = MetricFamily(
        "istio_build", .gauge, help: "Istio component build info", isStable: true)
    private static let opened = MetricFamily(
        "istio_tcp_connections_opened", .counter, help: "The total number of TCP connections opened", isStable: true)
    private static let closed = MetricFamily(
        "istio_tcp_connections_closed", .counter, help: "The total number of TCP connections closed", isStable: true)
    private static let received = MetricFamily(
        "istio_tcp_received_bytes", .counter,
        help: "The size of total bytes received during request in case of a TCP connection", isStable: true)
    private static let sent = MetricFamily(
        "istio_tcp_sent_bytes", .counter,
        help: "The size of total bytes sent during response in case of a TCP connection", isStable: true)
    private static let failed = MetricFamily(
        "istio_tcp_connections_failed", .counter,
        help: "The total number of TCP connections that failed to establish")
    private static let openSockets = MetricFamily(
        "istio_tcp_sockets_open", .gauge, help: "The current number of open TCP sockets")
    private static let refusedPeers = MetricFamily(
        "culvert_peers_refused", .counter, help: "The total number of tunnels of peers that were turned away or cut off"
    )
}
