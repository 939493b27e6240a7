import ControlPlane
import Primitives
import RPC
import System
import TLS
import Telemetry

extension NodeConfiguration {
    /// Settings as ztunnel takes them from its environment.
    /// - Parameter processorCount: online processors, which the number of workers follows.
    public init(environment: [String: String], processorCount: Int) throws(ConfigurationError) {
        let reader = EnvironmentReader(variables: environment)
        self.init()
        try refuseUnsupported(reader)
        try readControlPlane(reader)
        try readIdentity(reader)
        try readPodSettings(reader)
        try readNames(reader)
        try readTransport(reader)
        workerCount = try Self.workerCount(reader, processorCount: processorCount)
        terminationDeadline = try Self.terminationDeadline(reader)
        if reader.text("LOG_FORMAT") == "json" { logFormat = .json }
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
        for name in ["XDS_ON_DEMAND", "FAKE_CA", "TLS12_ENABLED"] {
            guard try reader.flag(name) != true else {
                throw ConfigurationError(variable: name, reason: "is not supported")
            }
        }
        for name in ["LOCAL_XDS", "LOCAL_XDS_PATH", "PROXY_CONFIG", "CRL_PATH", "COMPLIANCE_POLICY"] {
            guard reader.text(name) == nil else {
                throw ConfigurationError(variable: name, reason: "is not supported")
            }
        }
        if let mode = reader.text("PROXY_MODE"), mode.lowercased() != "shared" {
            throw ConfigurationError(variable: "PROXY_MODE", reason: "only shared is supported, not \"\(mode)\"")
        }
    }

    private mutating func readControlPlane(_ reader: EnvironmentReader) throws(ConfigurationError) {
        discovery = try Self.access("XDS", reader)
        certificateAuthority = try Self.access("CA", reader)
        secretTTL = try reader.duration("SECRET_TTL") ?? secretTTL
    }

    /// How discovery (`XDS`) or the certificate authority (`CA`) is reached; nil where its address is set and empty.
    private static func access(
        _ name: String, _ reader: EnvironmentReader
    ) throws(ConfigurationError) -> ControlPlaneAccess? {
        let variable = "\(name)_ADDRESS"
        if let set = reader.variables[variable], set.isEmpty { return nil }
        let inCluster = reader.text("KUBERNETES_SERVICE_HOST") != nil
        let standard = inCluster ? "https://istiod.istio-system.svc:15012" : "https://localhost:15012"
        var access = try ControlPlaneAccess(
            target: target(reader.text(variable) ?? standard, variable),
            trust: TrustSource(reader.text("\(name)_ROOT_CA") ?? "./var/run/secrets/istio/root-cert.pem"))
        access.alternativeName = reader.text("ALT_\(name)_HOSTNAME")
        access.headers = reader.named(withPrefix: "\(name)_HEADER_").map { ($0.name.lowercased(), $0.value) }
        access.clusterID = clusterID(reader)
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
        metadata = reader.named(withPrefix: "ISTIO_META_")
        istioVersion = reader.text("ISTIO_META_ISTIO_VERSION") ?? ""
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
        cipherSuites = try reader.cipherSuites("CULVERT_CIPHER_SUITES") ?? cipherSuites
        guard try reader.flag("KEEPALIVE_ENABLED") ?? true else {
            keepAlive = nil
            return
        }
        func seconds(_ name: String) throws(ConfigurationError) -> Int32 {
            guard let span = try reader.duration(name) else { return 180 }
            return Int32(clamping: max(1, span.components.seconds))
        }
        let idle = try seconds("KEEPALIVE_TIME")
        let interval = try seconds("KEEPALIVE_INTERVAL")
        let probes: Int32? = try reader.number("KEEPALIVE_RETRIES", atLeast: 1)
        var chosen = TCPSocket.KeepAlive(idleSeconds: idle, intervalSeconds: interval, probes: probes ?? 9)
        chosen.boundsUnacknowledged = try reader.flag("USER_TIMEOUT_ENABLED") ?? false
        keepAlive = chosen
    }

    /// ztunnel's rule: what is asked for; else with a limit of processors that many, and otherwise a quarter of them,
    /// at least two.
    private static func workerCount(
        _ reader: EnvironmentReader, processorCount: Int
    ) throws(ConfigurationError) -> Int {
        let limit = try reader.processors("ZTUNNEL_RESOURCE_CPU_LIMIT")
        let request = try reader.processors("ZTUNNEL_RESOURCE_CPU_REQUEST") ?? 0
        let override = try reader.processors("ZTUNNEL_CPU_LIMIT")
        let processors = limit ?? override ?? processorCount
        if let text = reader.text("ZTUNNEL_WORKER_THREADS") {
            if text.hasSuffix("%"), let share = Int(text.dropLast()), (0...1000).contains(share) {
                return max(1, (processors * share + 99) / 100)
            }
            guard let count = Int(text), (0...1024).contains(count) else {
                throw ConfigurationError(
                    variable: "ZTUNNEL_WORKER_THREADS", reason: "\"\(text)\" is neither a number nor a percentage")
            }
            return count == 0 ? max(1, processors) : count
        }
        return limit.map { max(1, $0, request) } ?? max((processors + 3) / 4, request, 2)
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

    /// Names with commas between them, best first.
    fileprivate func cipherSuites(_ name: String) throws(ConfigurationError) -> [CipherSuite]? {
        guard let text = text(name) else { return nil }
        var suites: [CipherSuite] = []
        for word in text.split(separator: ",") {
            guard let suite = CipherSuite(rawValue: String(word)), !suites.contains(suite) else {
                let known = CipherSuite.allCases.map(\.rawValue).joined(separator: ", ")
                throw ConfigurationError(
                    variable: name, reason: "\"\(text)\" does not name some of \(known), once each")
            }
            suites.append(suite)
        }
        return suites
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
