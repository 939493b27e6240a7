import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

@Suite struct NameConfigurationTests {
    private static func read(_ environment: [String: String]) throws(ConfigurationError) -> NodeConfiguration {
        try NodeConfiguration(environment: environment, processorCount: 2)
    }

    @Test func `names are answered on loopback unless the operator says otherwise`() throws {
        let standard = try Self.read([:])
        #expect(standard.answersNames && !standard.isSOCKS5Enabled && standard.clusterDomain == "cluster.local")
        #expect(standard.nameEndpoints.map(\.description) == ["127.0.0.1:15053", "[::1]:15053"])
        #expect(try Self.read(["ISTIO_META_DNS_CAPTURE": "TRUE"]).answersNames)
        for text in ["false", "0", "yes"] { #expect(try !Self.read(["ISTIO_META_DNS_CAPTURE": text]).answersNames) }
        let set = try Self.read([
            "ISTIO_META_DNS_PROXY_ADDR": "localhost:5353", "IPV6_ENABLED": "false", "CLUSTER_DOMAIN": "Example.org",
            "PREFERED_SERVICE_NAMESPACE": "mall", "UNSTABLE_ENABLE_SOCKS5": "true",
        ])
        #expect(set.nameEndpoints.map(\.description) == ["127.0.0.1:5353"])
        #expect(set.isSOCKS5Enabled && set.meshSettings.isSOCKS5Enabled && !set.meshSettings.isIPv6Enabled)
        #expect(set.meshSettings.clusterDomain == "example.org" && set.meshSettings.preferredNamespace == "mall")
    }

    @Test(arguments: ["127.0.0.7:53", "[::1]:5353"])
    func `names may be answered at one address`(text: String) throws {
        #expect(try Self.read(["ISTIO_META_DNS_PROXY_ADDR": text]).nameEndpoints.map(\.description) == [text])
    }

    @Test(arguments: ["localhost", "localhost:", "localhost:70000", "example.com:53", "127.0.0.1", "localhost:5:3"])
    func `an address that is none is an error that names the variable`(text: String) {
        #expect(throws: ConfigurationError.self) { try Self.read(["ISTIO_META_DNS_PROXY_ADDR": text]) }
    }
}
