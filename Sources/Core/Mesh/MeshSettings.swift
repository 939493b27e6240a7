/// What a node knows of itself, as far as decisions depend on it.
public struct MeshSettings: Hashable, Sendable {
    /// The network the node is in.
    public var network: String
    /// The node's name; nil takes all workloads for its own.
    public var node: String?
    /// Whether pods may reach the mesh by SOCKS5.
    public var isSOCKS5Enabled: Bool
    /// The domain that the names of Kubernetes services end in.
    public var clusterDomain: String
    /// The namespace whose services go before others with the same host name, after the client's own and the canonical
    /// one.
    public var preferredNamespace: String?
    /// Whether IPv6 addresses are told to anybody.
    public var isIPv6Enabled: Bool

    public init(
        network: String = "", node: String? = nil, isSOCKS5Enabled: Bool = false,
        clusterDomain: String = "cluster.local", preferredNamespace: String? = nil, isIPv6Enabled: Bool = true
    ) {
        self.network = network
        self.node = node
        self.isSOCKS5Enabled = isSOCKS5Enabled
        self.clusterDomain = clusterDomain
        self.preferredNamespace = preferredNamespace
        self.isIPv6Enabled = isIPv6Enabled
    }

    /// Whether connections to this port of a pod would come back to the proxy that makes them.
    public func isIllegal(port: UInt16) -> Bool {
        switch port {
        case ProxyPort.outbound, ProxyPort.inboundPlaintext, ProxyPort.inboundTunnel: true
        case ProxyPort.socks5: isSOCKS5Enabled
        default: false
        }
    }
}

/// The ports on which a node proxy listens in each pod's namespace.
public enum ProxyPort {
    /// Captured connections that leave the pod.
    public static let outbound: UInt16 = 15001
    /// Captured plaintext connections to the pod.
    public static let inboundPlaintext: UInt16 = 15006
    /// HBONE.
    public static let inboundTunnel: UInt16 = 15008
    public static let dns: UInt16 = 15053
    public static let socks5: UInt16 = 15080
}
