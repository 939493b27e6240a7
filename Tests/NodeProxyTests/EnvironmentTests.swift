import ControlPlane
import Primitives
import RPC
import Schema
import System
import TLS
import Testing

@testable import NodeProxy

/// Settings as they come from the environment and from Istio's documents.
@Suite struct EnvironmentTests {
    private static func read(
        _ environment: [String: String], processors: Int = 8, mesh: String = "/nowhere"
    ) throws(ConfigurationError) -> NodeConfiguration {
        try NodeConfiguration(environment: environment, processorCount: processors, meshConfiguration: mesh)
    }

    private func refusal(_ environment: [String: String]) -> String? {
        do throws(ConfigurationError) {
            _ = try Self.read(environment)
            return nil
        } catch {
            return error.variable
        }
    }

    @Test(arguments: [
        ([:], 8, 2), ([:], 16, 4), ([:], 1, 2), (["ZTUNNEL_RESOURCE_CPU_REQUEST": "2500m"], 4, 3),
        (["ZTUNNEL_RESOURCE_CPU_LIMIT": "1500m"], 8, 2), (["ZTUNNEL_CPU_LIMIT": "40"], 8, 10),
        (["ZTUNNEL_RESOURCE_CPU_LIMIT": "1", "ZTUNNEL_RESOURCE_CPU_REQUEST": "3"], 8, 3),
        (["ZTUNNEL_WORKER_THREADS": "5"], 8, 5), (["ZTUNNEL_WORKER_THREADS": "0"], 8, 8),
        (["ZTUNNEL_WORKER_THREADS": "30%"], 8, 3), (["ZTUNNEL_WORKER_THREADS": "1%"], 8, 1),
        (["PROXY_CONFIG": "concurrency: 6"], 8, 6), (["PROXY_CONFIG": "concurrency: 0"], 8, 8),
        (["PROXY_CONFIG": "concurrency: 6", "ZTUNNEL_WORKER_THREADS": "2"], 8, 2),
    ])
    func `so many workers are started`(environment: [String: String], processors: Int, count: Int) throws {
        #expect(try Self.read(environment, processors: processors).workerCount == count)
    }

    @Test func `the mesh configuration, PROXY_CONFIG and the environment go before one another`() throws {
        let path = "/tmp/culvert-mesh-\(String(Entropy.uint64(), radix: 16))"
        let mesh = """
            defaultConfig:
              discoveryAddress: istiod.mesh.svc:15012
              proxyAdminPort: 15111
              statsPort: 15112
              proxyMetadata: {ISTIO_META_A: file, B: file, C: file, DNS_PROXY_ADDR: "127.0.0.1:5300"}

            """
        try FileSystem.write(Array(mesh.utf8), to: path, mode: 0o600)
        defer { try? FileSystem.remove(path) }
        let set = try Self.read(
            [
                "PROXY_CONFIG": "{statsPort: 15113, proxyMetadata: {B: config, C: config, N: 3}}",
                "ISTIO_META_C": "env",
                "ISTIO_METAJSON_D": #"{"a": [1, true, null, "x"]}"#, "ISTIO_METAJSON_E": "{bare: words}",
            ], mesh: path)
        #expect(set.adminPort == 15111 && set.statsPort == 15113)
        #expect(set.discovery?.target.description == "istiod.mesh.svc:15012")
        #expect(set.certificateAuthority?.target.description == "localhost:15012")
        #expect(
            set.metadata
                == ["A": "file", "B": "config", "C": "env", "N": "3", "DNS_PROXY_ADDR": "127.0.0.1:5300"])
        #expect(set.nameEndpoints.map(\.description) == ["127.0.0.1:5300"])
        let list = ListValue([Value(.number(1)), Value(.bool(true)), Value(.null), Value("x")])
        #expect(set.structuredMetadata == ["D": Value(.object(Struct(["a": Value(.list(list))])))])
        #expect(set.remarks.count == 1 && set.remarks[0].contains("ISTIO_METAJSON_E"))
        #expect(try Self.read(["XDS_ADDRESS": ""], mesh: path).discovery == nil)
        #expect(try Self.read(["XDS_ADDRESS": "other:1"], mesh: path).discovery?.target.description == "other:1")
    }

    @Test func `suites are those named, best first`() throws {
        let (strong, fast) = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256")
        #expect(try Self.read([:]).tls.cipherSuites == [.aes256GCM, .aes128GCM])
        #expect(try Self.read(["CULVERT_CIPHER_SUITES": ""]).tls.cipherSuites == [.aes256GCM, .aes128GCM])
        #expect(try Self.read(["CULVERT_CIPHER_SUITES": fast]).tls.cipherSuites == [.aes128GCM])
        let both = try Self.read(["CULVERT_CIPHER_SUITES": "\(fast),\(strong)"])
        #expect(both.tls.cipherSuites == [.aes128GCM, .aes256GCM])
        #expect(both.discovery?.tls.cipherSuites == [.aes256GCM, .aes128GCM], "of tunnels only")
        for text in [",", "\(fast),", ",\(fast)", "\(fast),\(fast)", "\(fast) ,\(strong)", "AES128", fast.lowercased()]
        {
            #expect(refusal(["CULVERT_CIPHER_SUITES": text]) == "CULVERT_CIPHER_SUITES", "\(text)")
        }
    }

    @Test func `the kernel's TLS is for tunnels only, and left aside with a remark where the kernel has none`() throws {
        #expect(try !Self.read([:]).tls.offersOffload)
        var set = try Self.read(["CULVERT_KERNEL_TLS": "true"])
        #expect(set.tls.offersOffload && set.discovery?.tls.offersOffload == false)
        var isThere = false
        do throws(Errno) {
            try KernelTLS.probe()
            isThere = true
        } catch {}
        set.tryKernelTLS()
        #expect(set.tls.offersOffload == isThere)
        #expect(set.remarks.contains { $0.contains("CULVERT_KERNEL_TLS") } == !isThere)
        #expect(refusal(["CULVERT_KERNEL_TLS": "true", "COMPLIANCE_POLICY": "fips"]) == "CULVERT_KERNEL_TLS")
    }

    @Test func `lists of the revoked are for tunnels, and how long tunnels outlive certificates can be set`() throws {
        #expect(try Self.read([:]).revocationPath == nil && Self.read(["CRL_PATH": ""]).revocationPath == nil)
        #expect(try Self.read(["CRL_PATH": "/a/ca-crl.pem"]).revocationPath == "/a/ca-crl.pem")
        #expect(try Self.read(["CULVERT_MAX_TUNNELS_PER_SOURCE": "7"]).sourceTunnelCountMax == 7)
        #expect(refusal(["CULVERT_MAX_TUNNELS_PER_SOURCE": "0"]) == "CULVERT_MAX_TUNNELS_PER_SOURCE")
        #expect(try Self.read([:]).podConnectionCountMax == nil)
        #expect(try Self.read(["CULVERT_MAX_CONNECTIONS_PER_POD": "7"]).podConnectionCountMax == 7)
        #expect(refusal(["CULVERT_MAX_CONNECTIONS_PER_POD": "0"]) == "CULVERT_MAX_CONNECTIONS_PER_POD")
        #expect(try Self.read([:]).expiredTunnelDuration == .seconds(86_400))
        #expect(try Self.read(["CULVERT_EXPIRED_TUNNEL_DURATION": "90m"]).expiredTunnelDuration == .seconds(5_400))
        #expect(try Self.read([:]).halfClosedDuration == .seconds(3600))
        #expect(try Self.read(["CULVERT_HALF_CLOSED_DURATION": "90s"]).halfClosedDuration == .seconds(90))
        #expect(refusal(["CULVERT_HALF_CLOSED_DURATION": "0s"]) == "CULVERT_HALF_CLOSED_DURATION")
        #expect(refusal(["CULVERT_EXPIRED_TUNNEL_DURATION": "long"]) == "CULVERT_EXPIRED_TUNNEL_DURATION")
    }

    @Test func `how long connections may be silent can be set, and that there is no bound`() throws {
        #expect(try Self.read([:]).silentDuration == .seconds(86_400))
        #expect(try Self.read(["CULVERT_SILENT_DURATION": "36h"]).silentDuration == .seconds(129_600))
        #expect(try Self.read(["CULVERT_SILENT_DURATION": "0s"]).silentDuration == nil)
        for text in ["-1s", "never", "24", "1d"] {
            #expect(refusal(["CULVERT_SILENT_DURATION": text]) == "CULVERT_SILENT_DURATION", "\(text)")
        }
    }

    @Test func `versions and compliance hold for tunnels and for the control plane`() throws {
        let set = try Self.read(["TLS12_ENABLED": "true"])
        #expect(set.tls.acceptsTLS12 && set.discovery?.tls.acceptsTLS12 == true)
        #expect(set.certificateAuthority?.tls.acceptsTLS12 == true && set.tls.compliance == nil)
        let bound = try Self.read(["COMPLIANCE_POLICY": "pqc"])
        #expect(bound.tls.compliance == .postQuantum && bound.discovery?.tls.compliance == .postQuantum)
        #expect(try Self.read(["COMPLIANCE_POLICY": "fips"]).tls.compliance == .fips)
    }

    @Test func `this process may be for one workload, or a workload itself`() throws {
        let dedicated = try Self.read(["PROXY_MODE": "Dedicated", "PROXY_WORKLOAD_INFO": "shop/web/web-account"])
        #expect(dedicated.dedicatedWorkload == WorkloadName("shop/web/web-account") && dedicated.packetMark == nil)
        #expect(dedicated.dedicatedWorkload?.name == "web")
        let marked = try Self.read([
            "PROXY_MODE": "dedicated", "PROXY_WORKLOAD_INFO": "a/b/c", "PACKET_MARK": "7", "POD_NAME": "x",
            "POD_NAMESPACE": "y", "SERVICE_ACCOUNT": "z",
        ])
        #expect(marked.packetMark == 7 && marked.ownWorkload == nil)
        let names = ["POD_NAME": "x", "POD_NAMESPACE": "y", "SERVICE_ACCOUNT": "z", "TRUST_DOMAIN": "td"]
        let shared = try Self.read(names)
        #expect(shared.ownWorkload == WorkloadName(name: "x", namespace: "y", serviceAccount: "z"))
        #expect(shared.ownTrustDomain == "td" && shared.dedicatedWorkload == nil && shared.packetMark == 1337)
        #expect(try Self.read(names.filter { $0.key != "SERVICE_ACCOUNT" }).ownWorkload == nil)
        #expect(try Self.read(["PROXY_WORKLOAD_INFO": "a/b/c"]).remarks.count == 1)
    }

    @Test(arguments: [
        ("CONNECTION_TERMINATION_DEADLINE", "1m30s", 90), ("TERMINATION_GRACE_PERIOD_SECONDS", "30", 25),
        ("TERMINATION_GRACE_PERIOD_SECONDS", "10", 9), ("TERMINATION_GRACE_PERIOD_SECONDS", "0", 1), ("A", "", 5),
    ])
    func `connections have so many seconds to end`(variable: String, text: String, seconds: Int) throws {
        #expect(try Self.read([variable: text]).terminationDeadline == .seconds(seconds))
    }
}
