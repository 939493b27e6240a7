public import ControlPlane
public import LocalState
import Primitives
public import Schema
public import System
public import TLS
public import Telemetry

/// Everything an operator can set about a node.
public struct NodeConfiguration: Sendable {
    /// The version of this program.
    public static let version = "0.1.0"

    /// Nil: no control plane is asked.
    public var discovery: ControlPlaneAccess?
    public var certificateAuthority: ControlPlaneAccess?
    /// Whether the control plane tells of workloads and services only as they are asked for.
    public var isOnDemand = false
    /// What is known of the mesh beside what the control plane says.
    public var localState: LocalSource?
    public var clusterID = "Kubernetes"
    public var network = ""
    public var nodeName: String?
    public var podName = ""
    public var podNamespace = ""
    public var instanceIP: String?
    /// Sent to the control plane beside the names above, by name; texts, and JSON values.
    public var metadata: [String: String] = [:]
    public var structuredMetadata: [String: Value] = [:]
    /// What the operator calls this version of the mesh; a label of `istio_build`.
    public var istioVersion: String { metadata["ISTIO_VERSION"] ?? "" }
    public var secretTTL: Duration = .seconds(86_400)

    /// The one workload that is served, in the namespace where this process runs; nil: those that an agent enrols.
    public var dedicatedWorkload: WorkloadName?
    /// This process as a workload itself, whose peers reach its ports through tunnels.
    public var ownWorkload: WorkloadName?
    /// The trust domain that the operator says is ours.
    public var ownTrustDomain: String?
    /// Whether pods' connections are carried at all, or only names answered.
    public var carriesConnections = true
    public var enrolmentSocket = "/var/run/ztunnel/ztunnel.sock"
    /// Nil: sockets carry no mark.
    public var packetMark: UInt32? = 1337
    public var reusesPorts = true
    /// Whether applications see their client's address: must, must not, or where the kernel lets us.
    public var preservesSource: Bool?
    public var isIPv6Enabled = true
    public var keepAlive: TCPSocket.KeepAlive? = TCPSocket.KeepAlive()
    public var sendsResponseBaggage = true
    public var reachesApplicationTunnelsOnLoopback = true

    /// Whether pods ask the node proxy for names, and where in their namespaces.
    public var answersNames = true
    public var nameAddress = NameAddress.loopback(port: 15053)
    /// The resolv.conf(5) that names whom to ask for what the mesh does not know.
    public var resolverFile = "/etc/resolv.conf"
    public var clusterDomain = "cluster.local"
    /// The namespace whose services go before others with the same host name.
    public var preferredServiceNamespace: String?
    public var isSOCKS5Enabled = false

    public var workerCount = 2
    public var terminationDeadline: Duration = .seconds(5)
    public var idleTunnelDuration: Duration = Limits.tunnelIdleDuration
    /// How long streams may outlive the certificate by which their peer has proved who it is.
    public var expiredTunnelDuration: Duration = Limits.expiredTunnelDuration
    /// How long connections may move not a byte; nil: as long as they like.
    public var silentDuration: Duration? = Limits.silentDuration
    /// How long one direction may stay silent after the other has ended and been delivered.
    public var halfClosedDuration: Duration = Limits.halfClosedDuration
    /// Connections of one pod that are open at once; nil: as many as take half of the descriptors.
    public var podConnectionCountMax: Int?
    /// Tunnels that the node takes from one source address, to all pods of the node together.
    public var sourceTunnelCountMax = Limits.sourceTunnelCountMax
    public var tunnelStreamCountMax = Limits.tunnelStreamCountMax
    public var streamWindowByteCount: UInt32 = Limits.streamWindowByteCount
    public var connectionWindowByteCount: UInt32 = 16 << 20
    public var frameByteCountMax: UInt32 = 1 << 20
    public var tls = TLSOptions()
    /// The file of revocation lists by which workloads are judged; nil: they are by none.
    public var revocationPath: String?

    public var logFormat = LogFormat.plain
    public var logFilter = LogFilter.standard
    public var logsPolicyDecisions = false
    /// What listens on loopback for the operator.
    public var adminPort = Limits.adminPort
    public var statsPort = Limits.metricsPort
    /// What was set and has no effect, for the log.
    public var remarks: [String] = []

    public init() {}
}

/// A setting that cannot be understood or followed.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The environment variable or document.
    public let variable: String
    public let reason: String
    public var description: String { "\(variable): \(reason)" }
}
