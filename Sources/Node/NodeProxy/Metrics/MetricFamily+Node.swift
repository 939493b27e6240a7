import Telemetry

/// The names, types and help texts of ztunnel's metrics as it has them.
extension MetricFamily {
    static let openFiles = MetricFamily(
        processWide: "process_open_fds", help: "Number of open file descriptors")
    static let openFilesMax = MetricFamily(
        processWide: "process_max_fds", help: "Maximum number of file descriptors")
    static let build = MetricFamily("istio_build", .gauge, help: "Istio component build info", isStable: true)

    // MARK: Discovery

    static let discoveryTerminations = MetricFamily(
        "istio_xds_connection_terminations", .counter,
        help: "The total number of completed connections to xds server")
    static let discoveryMessages = MetricFamily(
        "istio_xds_message", .counter, help: "Total number of messages received")
    static let discoveryBytes = MetricFamily(
        "istio_xds_message_bytes", .counter, help: "Total number of bytes received", unit: "bytes")

    // MARK: Traffic

    static let opened = MetricFamily(
        "istio_tcp_connections_opened", .counter, help: "The total number of TCP connections opened", isStable: true)
    static let closed = MetricFamily(
        "istio_tcp_connections_closed", .counter, help: "The total number of TCP connections closed", isStable: true)
    static let received = MetricFamily(
        "istio_tcp_received_bytes", .counter,
        help: "The size of total bytes received during request in case of a TCP connection", isStable: true)
    static let sent = MetricFamily(
        "istio_tcp_sent_bytes", .counter,
        help: "The size of total bytes sent during response in case of a TCP connection", isStable: true)
    static let failed = MetricFamily(
        "istio_tcp_connections_failed", .counter, help: "The total number of TCP connections that failed to establish"
    )
    static let openSockets = MetricFamily(
        "istio_tcp_sockets_open", .gauge, help: "The current number of open TCP sockets")

    // MARK: Revocation

    static let revokedPeers = MetricFamily(
        "istio_crl_policy_rejections", .counter,
        help: "The total number of connections rejected or closed because a certificate was revoked")

    // MARK: Names

    static let nameRequests = MetricFamily("istio_dns_requests", .counter, help: "Total number of DNS requests")
    static let forwardedNames = MetricFamily(
        "istio_dns_upstream_requests", .counter, help: "Total number of DNS requests forwarded to upstream")
    static let failedNames = MetricFamily(
        "istio_dns_upstream_failures", .counter, help: "Total number of DNS requests forwarded to upstream that failed")
    static let nameDurations = MetricFamily(
        "istio_dns_upstream_request_duration_seconds", .histogram,
        help: "Total time in seconds Istio takes to get DNS response from upstream", unit: "seconds")
    static let hostnameLookups = MetricFamily(
        "istio_on_demand_dns", .counter, help: "The total number of requests that used on-demand DNS")

    // MARK: Pods

    static let activePods = MetricFamily(
        "workload_manager_active_proxy_count", .gauge, help: "The total number current workloads with active proxies")
    static let pendingPods = MetricFamily(
        "workload_manager_pending_proxy_count", .gauge,
        help: "The total number current workloads with pending proxies")
    static let startedPods = MetricFamily(
        "workload_manager_proxies_started", .counter, help: "The total number of proxies that were started")
    static let stoppedPods = MetricFamily(
        "workload_manager_proxies_stopped", .counter, help: "The total number of proxies that were stopped")

    // MARK: Our own

    static let refusedPeers = MetricFamily(
        "culvert_peers_refused", .counter, help: "The total number of tunnels of peers that were turned away or cut off"
    )
    static let refusedConnections = MetricFamily(
        "culvert_connections_refused", .counter,
        help: "The total number of connections that were turned away before their parties were known")
    static let stalledStreams = MetricFamily(
        "culvert_stalled_streams_reset", .counter,
        help: "The total number of streams that were reset because too much waited for applications that do not read")
    static let meshResources = MetricFamily(
        "culvert_mesh_resources", .gauge, help: "The current number of resources from the control plane")
    static let meshReady = MetricFamily(
        "culvert_mesh_ready", .gauge, help: "Whether the first state from the control plane is complete")
    static let meshAdoptions = MetricFamily(
        "culvert_mesh_adoption_seconds", .histogram,
        help: "Time in seconds from news of the control plane to a worker that decides by them", unit: "seconds")
    static let certificateFetches = MetricFamily(
        "culvert_certificate_fetches", .counter,
        help: "The total number of certificates that were asked of the certificate authority")
    static let certificates = MetricFamily(
        "culvert_certificates", .gauge, help: "The current number of valid workload certificates")
    static let certificateEnd = MetricFamily(
        "culvert_certificate_expiration_timestamp_seconds", .gauge,
        help: "When the first of the valid workload certificates expires", unit: "seconds")
    static let droppedLogLines = MetricFamily(
        "culvert_log_lines_dropped", .counter, help: "The total number of log lines that a slow reader did not take")
}
