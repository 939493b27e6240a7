import ControlPlane
import Mesh
import Primitives
import Resolver
import Schema
import System
import TLS
import Telemetry

/// The node itself in ztunnel's keys, and what it has beyond them.
extension JSONWriter {
    mutating func write(_ identity: ConfigDump.Identity) {
        object { json in
            json.member("identity", identity.name)
            json.member("state", identity.state)
            json.array("certChain", identity.chain) { $0.write($1) }
            json.array("rootCerts", identity.roots) { $0.write($1) }
        }
    }

    private mutating func write(_ certificate: CertificateSummary) {
        object { json in
            json.member("pem", certificate.pem)
            json.member("serialNumber", certificate.serialNumber)
            json.member("validFrom", CivilTime(certificate.notBefore).text)
            json.member("expirationTime", CivilTime(certificate.notAfter).text)
        }
    }

    mutating func write(_ pod: ConfigDump.Pod) {
        member("state", pod.isUp ? "Up" : "Pending")
        object("connections") { json in
            json.array("inbound", pod.connections.inbound) { $0.write($1) }
            json.array("outbound", pod.connections.outbound) { $0.write($1) }
        }
        object("info") { $0.write(pod.name) }
    }

    private mutating func write(_ connection: ConnectionSummary) {
        object { json in
            json.member("src", connection.source.description)
            json.member("originalDst", orNull: connection.originalDestination)
            json.member("actualDst", connection.actualDestination.description)
            json.member("protocol", connection.kind)
        }
    }

    mutating func write(_ progress: DiscoveryProgress, pending: [String]) {
        member("firstLoad", progress.isFirstLoadComplete ? "complete" : "in progress")
        member("connected", progress.isConnected)
        array("pending", pending) { $0.string($1) }
        member("workloads", progress.workloads)
        member("services", progress.services)
        member("policies", progress.policies)
        object("messages") { json in
            for (type, count) in progress.messages.sorted(by: { $0.key < $1.key }) { json.member(type, count) }
        }
        object("messageBytes") { json in
            for (type, count) in progress.messageBytes.sorted(by: { $0.key < $1.key }) { json.member(type, count) }
        }
    }

    mutating func writeVersion(_ configuration: NodeConfiguration) {
        member("version", NodeConfiguration.version)
        member("gitRevision", "unknown")
        member("rustVersion", "none")
        #if DEBUG
            member("buildProfile", "debug")
        #else
            member("buildProfile", "release")
        #endif
        member("buildStatus", "unknown")
        member("istioVersion", configuration.istioVersion.isEmpty ? "unknown" : configuration.istioVersion)
        member("cryptoProvider", "tls-openssl")
    }

    // MARK: Settings

    mutating func write(_ configuration: NodeConfiguration) {
        object { json in
            json.writeAddresses(configuration)
            json.write("xds", configuration.discovery)
            json.write("ca", configuration.certificateAuthority)
            json.writeIdentity(configuration)
            json.writeBehaviour(configuration)
            json.object("resolver") { $0.write(configuration.resolverConfiguration) }
        }
    }

    private mutating func writeAddresses(_ configuration: NodeConfiguration) {
        let any = configuration.isIPv6Enabled ? "[::]" : "0.0.0.0"
        let isIPv6 = configuration.isIPv6Enabled
        write("adminAddr", loopbackPort: configuration.adminPort, isIPv6: false)
        object("statsAddr") { $0.member("SocketAddr", "\(any):\(configuration.statsPort)") }
        object("readinessAddr") { $0.member("SocketAddr", "\(any):\(Limits.readinessPort)") }
        member("inboundAddr", "\(any):15008")
        member("inboundPlaintextAddr", "\(any):15006")
        member("outboundAddr", "\(any):15001")
        member("dnsProxy", configuration.answersNames)
        switch configuration.nameAddress {
        case .loopback(let port): write("dnsProxyAddr", loopbackPort: port, isIPv6: isIPv6)
        case .endpoint(let endpoint): object("dnsProxyAddr") { $0.member("SocketAddr", endpoint.description) }
        }
        if configuration.isSOCKS5Enabled {
            write("socks5Addr", loopbackPort: 15080, isIPv6: false)
        } else {
            member("socks5Addr", orNull: nil)
        }
        member("inpodUds", configuration.enrolmentSocket)
        array("illegalPorts", [15008, 15006, 15001]) { $0.token(String($1)) }
    }

    private mutating func write(_ key: String, loopbackPort port: UInt16, isIPv6: Bool) {
        object(key) { json in
            json.array("Localhost", [String(isIPv6), String(port)]) { $0.token($1) }
        }
    }

    /// Without the token; what headers carry may be one, too.
    private mutating func write(_ name: String, _ access: ControlPlaneAccess?) {
        let alternative = name == "ca" ? "altCaHostname" : "altXdsHostname"
        member("\(name)Address", orNull: access.map { "https://\($0.target)" })
        member(alternative, orNull: access?.alternativeName)
        array("\(name)Headers", access?.headers ?? []) { json, header in
            json.beginArray()
            json.string(header.name)
            json.string("hidden")
            json.endArray()
        }
        switch access?.trust {
        case .none: member("\(name)RootCert", orNull: nil)
        case .file(let path): object("\(name)RootCert") { $0.member("File", path) }
        case .system: member("\(name)RootCert", "Default")
        case .inline: object("\(name)RootCert") { $0.member("Static", "PEM text") }
        }
    }

    private mutating func writeIdentity(_ configuration: NodeConfiguration) {
        member("clusterDomain", configuration.clusterDomain)
        member("clusterId", configuration.clusterID)
        member("network", configuration.network)
        member("localNode", orNull: configuration.nodeName)
        member("preferedServiceNamespace", orNull: configuration.preferredServiceNamespace)
        object("proxyMetadata") { json in
            for (name, value) in configuration.metadata.sorted(by: { $0.key < $1.key }) { json.member(name, value) }
        }
        member("proxyMode", configuration.dedicatedWorkload == nil ? "Shared" : "Dedicated")
        write("proxyWorkloadInformation", configuration.dedicatedWorkload)
        write("ztunnelWorkload", configuration.ownWorkload)
        write("secretTtl", configuration.secretTTL)
    }

    private mutating func writeBehaviour(_ configuration: NodeConfiguration) {
        member("proxy", configuration.carriesConnections)
        member("ipv6Enabled", configuration.isIPv6Enabled)
        member("inpodPortReuse", configuration.reusesPorts)
        key("packetMark")
        token(configuration.packetMark.map(String.init) ?? "null")
        key("requireOriginalSource")
        token(configuration.preservesSource.map(String.init) ?? "null")
        member("enableEnhancedBaggage", configuration.sendsResponseBaggage)
        member("localhostAppTunnel", configuration.reachesApplicationTunnelsOnLoopback)
        member("numWorkerThreads", configuration.workerCount)
        write("selfTerminationDeadline", configuration.terminationDeadline)
        write("poolUnusedReleaseTimeout", configuration.idleTunnelDuration)
        member("poolMaxStreamsPerConn", configuration.tunnelStreamCountMax)
        member("windowSize", configuration.streamWindowByteCount)
        member("connectionWindowSize", configuration.connectionWindowByteCount)
        member("frameSize", configuration.frameByteCountMax)
        member("tls12Enabled", configuration.tls.acceptsTLS12)
        member("compliancePolicy", orNull: configuration.tls.compliance?.rawValue)
        array("cipherSuites", configuration.tls.cipherSuites) { $0.string($1.rawValue) }
        object("socketConfig") { json in
            json.member("keepaliveEnabled", configuration.keepAlive != nil)
            guard let keepAlive = configuration.keepAlive else { return }
            json.write("keepaliveTime", .seconds(Int64(keepAlive.idleSeconds)))
            json.write("keepaliveInterval", .seconds(Int64(keepAlive.intervalSeconds)))
            json.member("keepaliveRetries", keepAlive.probes)
            json.member("userTimeoutEnabled", keepAlive.boundsUnacknowledged)
        }
        member("crlPath", orNull: configuration.revocationPath)
        member("fakeCa", false)
        member("fakeSelfInbound", false)
        member("xdsOnDemand", false)
    }

    private mutating func write(_ key: String, _ name: WorkloadName?) {
        guard let name else { return member(key, orNull: nil) }
        object(key) { $0.write(name) }
    }

    private mutating func write(_ name: WorkloadName) {
        member("name", name.name)
        member("namespace", name.namespace)
        member("serviceAccount", name.serviceAccount)
    }

    private mutating func write(_ resolver: ResolverConfiguration) {
        array("nameServers", resolver.servers) { $0.string("\($1)") }
    }

    private mutating func write(_ key: String, _ span: Duration) {
        object(key) { json in
            json.member("secs", span.components.seconds)
            json.member("nanos", span.components.attoseconds / 1_000_000_000)
        }
    }
}
