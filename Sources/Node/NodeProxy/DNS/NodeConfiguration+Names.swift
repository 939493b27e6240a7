public import Mesh
public import Primitives
import Resolver
import System

/// Where names are answered in each pod's namespace.
public enum NameAddress: Equatable, Sendable {
    /// On the loopback addresses of both families.
    case loopback(port: UInt16)
    case endpoint(Endpoint)

    /// `localhost:PORT` or `IP:PORT`; nil for anything else.
    init?(_ text: String) {
        if let endpoint = Endpoint(text) {
            self = .endpoint(endpoint)
        } else {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == "localhost", let port = Endpoint.port(parts[1]) else { return nil }
            self = .loopback(port: port)
        }
    }
}

extension NodeConfiguration {
    /// Settings of names and of SOCKS5. The first two are metadata of the proxy.
    mutating func readNames(_ reader: EnvironmentReader) throws(ConfigurationError) {
        if let capture = metadata["DNS_CAPTURE"], !capture.isEmpty { answersNames = capture.lowercased() == "true" }
        if let text = metadata["DNS_PROXY_ADDR"], !text.isEmpty {
            guard let address = NameAddress(text) else {
                throw ConfigurationError(
                    variable: "ISTIO_META_DNS_PROXY_ADDR",
                    reason: "\"\(text)\" is neither localhost:PORT nor an address and port")
            }
            nameAddress = address
        }
        clusterDomain = (reader.text("CLUSTER_DOMAIN") ?? clusterDomain).lowercased()
        // Spelled so by ztunnel.
        preferredServiceNamespace = reader.text("PREFERED_SERVICE_NAMESPACE")
        isSOCKS5Enabled = try reader.flag("UNSTABLE_ENABLE_SOCKS5") ?? isSOCKS5Enabled
    }

    /// What decisions depend on.
    public var meshSettings: MeshSettings {
        MeshSettings(
            network: network, node: nodeName, isSOCKS5Enabled: isSOCKS5Enabled, clusterDomain: clusterDomain,
            preferredNamespace: preferredServiceNamespace, isIPv6Enabled: isIPv6Enabled)
    }

    /// Whom to ask for names now; nobody where the file cannot be read.
    var resolverConfiguration: ResolverConfiguration {
        let bytes = (try? FileSystem.read(resolverFile, byteCountMax: Limits.resolverFileByteCountMax)) ?? []
        return ResolverConfiguration(resolvConf: String(decoding: bytes, as: UTF8.self))
    }
}
