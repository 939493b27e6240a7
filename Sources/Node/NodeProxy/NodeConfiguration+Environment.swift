import ControlPlane
import LocalState
import Primitives
import RPC
import System
import TLS
import Telemetry

extension NodeConfiguration {
    /// Settings as ztunnel takes them from its environment and from the mesh configuration.
    /// - Parameters:
    ///   - processorCount: online processors, which the number of workers follows.
    ///   - meshConfiguration: the path of a mesh configuration; there need be none.
    public init(
        environment: [String: String], processorCount: Int, meshConfiguration: String = meshConfigurationFile
    ) throws(ConfigurationError) {
        let reader = EnvironmentReader(variables: environment)
        let proxyConfig = try Self.proxyConfig(reader, file: meshConfiguration)
        self.init()
        try refuseUnsupported(reader)
        tls = try Self.tlsOptions(reader)
        readRevocations(reader)
        try readControlPlane(reader, proxyConfig)
        try readIdentity(reader)
        readMetadata(reader, proxyConfig)
        try readRole(reader)
        try readPodSettings(reader)
        try readNames(reader)
        guard carriesConnections || answersNames else {
            throw ConfigurationError(
                variable: "ENABLE_PROXY", reason: "nothing is left to do, as names are not answered either")
        }
        try readTransport(reader)
        workerCount = try Self.workerCount(
            reader, processorCount: processorCount, concurrency: proxyConfig.concurrency)
        adminPort = proxyConfig.adminPort ?? adminPort
        statsPort = proxyConfig.statsPort ?? statsPort
        terminationDeadline = try Self.terminationDeadline(reader)
        try readLogging(reader)
    }

    private mutating func readLogging(_ reader: EnvironmentReader) throws(ConfigurationError) {
        switch reader.text("LOG_FORMAT") {
        case nil, "plain": logFormat = .plain
        case "json": logFormat = .json
        case let text?:
            throw ConfigurationError(variable: "LOG_FORMAT", reason: "\"\(text)\" is neither plain nor json")
        }
        if let directives = reader.text("RUST_LOG") {
            guard let filter = LogFilter.standard.adding(directives) else {
                throw ConfigurationError(variable: "RUST_LOG", reason: "\"\(directives)\" is not a list of levels")
            }
            logFilter = filter
        }
        logsPolicyDecisions = try reader.flag("AUTHZ_POLICY_INFO_LOGGING") ?? false
    }

    /// Settings whose meaning we do not carry out yet must not be silently ignored.
    private func refuseUnsupported(_ reader: EnvironmentReader) throws(ConfigurationError) {
        guard try reader.flag("FAKE_CA") != true else {
            throw ConfigurationError(variable: "FAKE_CA", reason: "is not supported")
        }
    }

    /// Whom this process serves, and who it is itself.
    private mutating func readRole(_ reader: EnvironmentReader) throws(ConfigurationError) {
        carriesConnections = try reader.flag("ENABLE_PROXY") ?? true
        let text = reader.text("PROXY_WORKLOAD_INFO")
        switch reader.text("PROXY_MODE")?.lowercased() {
        case nil, "shared":
            if text != nil { remarks.append("of no effect without PROXY_MODE=dedicated: PROXY_WORKLOAD_INFO") }
            if let namespace = reader.text("POD_NAMESPACE"), let name = reader.text("POD_NAME"),
                let account = reader.text("SERVICE_ACCOUNT")
            {
                ownWorkload = WorkloadName(name: name, namespace: namespace, serviceAccount: account)
            }
        case "dedicated":
            guard let workload = text.flatMap({ WorkloadName($0) }) else {
                throw ConfigurationError(
                    variable: "PROXY_WORKLOAD_INFO",
                    reason: "\"\(text ?? "")\" is not namespace/name/service-account, as PROXY_MODE=dedicated needs")
            }
            dedicatedWorkload = workload
            packetMark = nil
        case let mode?:
            throw ConfigurationError(variable: "PROXY_MODE", reason: "\"\(mode)\" is neither shared nor dedicated")
        }
        ownTrustDomain = reader.text("TRUST_DOMAIN")
    }

    private mutating func readControlPlane(
        _ reader: EnvironmentReader, _ config: ProxyConfig
    ) throws(ConfigurationError) {
        discovery = try access("XDS", reader, else: config.discoveryAddress)
        isOnDemand = try reader.flag("XDS_ON_DEMAND") ?? false
        certificateAuthority = try access("CA", reader, else: nil)
        switch (reader.text("LOCAL_XDS"), reader.text("LOCAL_XDS_PATH")) {
        case (nil, nil): break
        case (let text?, nil): localState = .inline(text)
        case (nil, let path?): localState = .file(path)
        default: throw ConfigurationError(variable: "LOCAL_XDS", reason: "LOCAL_XDS_PATH is set too")
        }
        secretTTL = try reader.duration("SECRET_TTL") ?? secretTTL
    }

    /// How discovery (`XDS`) or the certificate authority (`CA`) is reached; nil where its address is set and empty.
    private func access(
        _ name: String, _ reader: EnvironmentReader, else configured: String?
    ) throws(ConfigurationError) -> ControlPlaneAccess? {
        let variable = "\(name)_ADDRESS"
        let inCluster = reader.text("KUBERNETES_SERVICE_HOST") != nil
        let standard = inCluster ? "https://istiod.istio-system.svc:15012" : "https://localhost:15012"
        let address = reader.variables[variable] ?? configured ?? standard
        guard !address.isEmpty else { return nil }
        var access = try ControlPlaneAccess(
            target: Self.target(address, variable),
            trust: TrustSource(reader.text("\(name)_ROOT_CA") ?? "./var/run/secrets/istio/root-cert.pem"))
        access.alternativeName = reader.text("ALT_\(name)_HOSTNAME")
        access.headers = reader.named(withPrefix: "\(name)_HEADER_").map { ($0.name.lowercased(), $0.value) }
        access.clusterID = Self.clusterID(reader)
        access.tls = tls
        access.tls.cipherSuites = TLSOptions().cipherSuites
        access.tls.offersOffload = false
        access.tls.revocations = nil
        let standardToken = "./var/run/secrets/tokens/istio-token"
        if let token = reader.text("AUTH_TOKEN") {
            access.token = BearerToken(token)
        } else if let status = try? FileSystem.status(of: standardToken), status.kind == .file {
            access.token = .file(standardToken)
        }
        return access
    }

    private static func clusterID(_ reader: EnvironmentReader) -> String {
        reader.text("ISTIO_META_CLUSTER_ID") ?? reader.text("CLUSTER_ID") ?? "Kubernetes"
    }

    /// The server of `https://HOST:PORT`; a missing scheme is HTTPS, a missing port its own.
    static func target(_ text: String, _ variable: String) throws(ConfigurationError) -> RPCTarget {
        var rest = text[...]
        if let scheme = rest.range(of: "://") {
            guard rest[..<scheme.lowerBound].lowercased() == "https" else {
                throw ConfigurationError(variable: variable, reason: "\"\(text)\" is not an https address")
            }
            rest = rest[scheme.upperBound...]
        }
        if let slash = rest.firstIndex(of: "/") { rest = rest[..<slash] }
        guard let target = RPCTarget(String(rest)) ?? RPCTarget("\(rest):443") else {
            throw ConfigurationError(variable: variable, reason: "\"\(text)\" is not an https address")
        }
        return target
    }

    private mutating func readIdentity(_ reader: EnvironmentReader) throws(ConfigurationError) {
        network = reader.text("NETWORK") ?? ""
        nodeName = reader.text("NODE_NAME")
        clusterID = Self.clusterID(reader)
        podName = reader.text("POD_NAME") ?? ""
        podNamespace = reader.text("POD_NAMESPACE") ?? ""
        instanceIP = reader.text("INSTANCE_IP")
    }

    private mutating func readPodSettings(_ reader: EnvironmentReader) throws(ConfigurationError) {
        enrolmentSocket = reader.text("INPOD_UDS") ?? enrolmentSocket
        packetMark = try reader.number("PACKET_MARK", atLeast: 1) ?? packetMark
        reusesPorts = try reader.flag("INPOD_PORT_REUSE") ?? reusesPorts
        preservesSource = try reader.flag("ENABLE_ORIG_SRC")
        isIPv6Enabled = try reader.flag("IPV6_ENABLED") ?? isIPv6Enabled
        sendsResponseBaggage = try reader.flag("ENABLE_RESPONSE_BAGGAGE") ?? sendsResponseBaggage
        reachesApplicationTunnelsOnLoopback =
            try reader.flag("LOCALHOST_APP_TUNNEL") ?? reachesApplicationTunnelsOnLoopback
    }

    private mutating func readTransport(_ reader: EnvironmentReader) throws(ConfigurationError) {
        idleTunnelDuration = try reader.duration("POOL_UNUSED_RELEASE_TIMEOUT") ?? idleTunnelDuration
        expiredTunnelDuration = try reader.duration("CULVERT_EXPIRED_TUNNEL_DURATION") ?? expiredTunnelDuration
        if let span = try reader.duration("CULVERT_SILENT_DURATION") { silentDuration = span > .zero ? span : nil }
        halfClosedDuration = try reader.duration("CULVERT_HALF_CLOSED_DURATION") ?? halfClosedDuration
        guard halfClosedDuration > .zero else {
            throw ConfigurationError(variable: "CULVERT_HALF_CLOSED_DURATION", reason: "must be positive")
        }
        podConnectionCountMax = try reader.number("CULVERT_MAX_CONNECTIONS_PER_POD", atLeast: 1)
        sourceTunnelCountMax =
            try reader.number("CULVERT_MAX_TUNNELS_PER_SOURCE", atLeast: 1) ?? sourceTunnelCountMax
        if let count: UInt16 = try reader.number("POOL_MAX_STREAMS_PER_CONNECTION", atLeast: 1) {
            tunnelStreamCountMax = Int(count)
        }
        streamWindowByteCount = try reader.window("HTTP2_STREAM_WINDOW_SIZE") ?? streamWindowByteCount
        connectionWindowByteCount = try reader.window("HTTP2_CONNECTION_WINDOW_SIZE") ?? connectionWindowByteCount
        if let frame: UInt32 = try reader.number("HTTP2_FRAME_SIZE", atLeast: 16_384) {
            guard frame < 1 << 24 else {
                throw ConfigurationError(variable: "HTTP2_FRAME_SIZE", reason: "is above 16777215")
            }
            frameByteCountMax = frame
        }
        guard try reader.flag("KEEPALIVE_ENABLED") ?? true else {
            keepAlive = nil
            return
        }
        func seconds(_ name: String) throws(ConfigurationError) -> Int32? {
            try reader.duration(name).map { Int32(clamping: max(1, $0.components.seconds)) }
        }
        var chosen = TCPSocket.KeepAlive()
        chosen.idleSeconds = try seconds("KEEPALIVE_TIME") ?? chosen.idleSeconds
        chosen.intervalSeconds = try seconds("KEEPALIVE_INTERVAL") ?? chosen.intervalSeconds
        chosen.probes = try reader.number("KEEPALIVE_RETRIES", atLeast: 1) ?? chosen.probes
        chosen.boundsUnacknowledged = try reader.flag("USER_TIMEOUT_ENABLED") ?? false
        keepAlive = chosen
    }

    private static func terminationDeadline(_ reader: EnvironmentReader) throws(ConfigurationError) -> Duration {
        if let span = try reader.duration("CONNECTION_TERMINATION_DEADLINE") { return span }
        guard let grace: Int64 = try reader.number("TERMINATION_GRACE_PERIOD_SECONDS") else { return .seconds(5) }
        // Room for the rest of the shutdown before the kubelet kills us.
        return .seconds(max(1, grace > 10 ? min(grace, 1 << 30) - 5 : grace - 1))
    }
}

extension EnvironmentReader {
    fileprivate func window(_ name: String) throws(ConfigurationError) -> UInt32? {
        guard let size: UInt32 = try number(name, atLeast: 65_535) else { return nil }
        guard size <= 0x7fff_ffff else { throw ConfigurationError(variable: name, reason: "is above 2147483647") }
        return size
    }
}

extension Substring {
    /// Where `other` first stands in the text.
    fileprivate func range(of other: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            start = index(after: start)
        }
        return nil
    }
}
