import System
import Testing

/// What `culvert-node` refuses to start with, and says so by name.
@Suite struct NodeSettingsTests {
    private static func run(
        _ arguments: [String], _ environment: [String] = []
    ) throws -> (status: System.ExitStatus?, output: String) {
        let place = try Place()
        let child = try place.start([try program("culvert-node")] + arguments, environment)
        return (try child.wait(atMost: .seconds(10)), place.text("log"))
    }

    @Test(arguments: [
        ("FAKE_CA=true", "FAKE_CA"), ("LOG_FORMAT=xml", "LOG_FORMAT"), ("RUST_LOG=a=b=c", "RUST_LOG"),
        ("SECRET_TTL=soon", "SECRET_TTL"), ("ENABLE_PROXY=maybe", "ENABLE_PROXY"),
        ("ENABLE_PROXY=false ISTIO_META_DNS_CAPTURE=false", "ENABLE_PROXY"),
        ("PROXY_MODE=sidecar", "PROXY_MODE"), ("PROXY_MODE=dedicated", "PROXY_WORKLOAD_INFO"),
        ("PROXY_MODE=dedicated PROXY_WORKLOAD_INFO=shop/cart", "PROXY_WORKLOAD_INFO"),
        ("LOCAL_XDS={} LOCAL_XDS_PATH=x", "LOCAL_XDS"), ("LOCAL_XDS={workloads:[{name:a}]}", "LOCAL_XDS"),
        ("LOCAL_XDS_PATH=/nowhere/at/all", "LOCAL_XDS_PATH"), ("PROXY_CONFIG=[", "PROXY_CONFIG"),
        ("PROXY_CONFIG={statsPort:70000}", "PROXY_CONFIG"), ("XDS_ADDRESS=http://a", "XDS_ADDRESS"),
        ("COMPLIANCE_POLICY=cnsa", "COMPLIANCE_POLICY"),
        ("COMPLIANCE_POLICY=fips OPENSSL_MODULES=/nowhere", "COMPLIANCE_POLICY: fips: no FIPS provider"),
        ("COMPLIANCE_POLICY=pqc TLS12_ENABLED=true", "TLS12_ENABLED"),
        ("CULVERT_CIPHER_SUITES=TLS_CHACHA20_POLY1305_SHA256", "CULVERT_CIPHER_SUITES"),
        ("ZTUNNEL_WORKER_THREADS=few", "ZTUNNEL_WORKER_THREADS"), ("PACKET_MARK=0", "PACKET_MARK"),
        ("HTTP2_FRAME_SIZE=1", "HTTP2_FRAME_SIZE"), ("TERMINATION_GRACE_PERIOD_SECONDS=-1", "TERMINATION_GRACE"),
    ])
    func `a setting that cannot be followed is named, and nothing starts`(setting: String, words: String) throws {
        let environment = setting.split(separator: " ").map(String.init)
        let (status, output) = try Self.run([], environment.map { $0.spaced })
        #expect(status == .exited(1))
        #expect(output.hasPrefix("culvert-node: \(words)"), "\(output)")
    }

    @Test func `version and help are told, and other words are refused with the usage`() throws {
        let (versionStatus, version) = try Self.run(["version"])
        #expect(versionStatus == .exited(0) && version.hasPrefix("culvert-node ") && version.contains("."))
        let (helpStatus, help) = try Self.run(["help"])
        #expect(helpStatus == .exited(0) && help.hasPrefix("usage:"))
        for words in [["serve"], ["--verbose"], ["proxy", "now"]] {
            let (status, usage) = try Self.run(words)
            #expect(status == .exited(1) && usage.hasPrefix("usage:"), "\(words)")
        }
    }
}

extension String {
    /// YAML's flow mappings want a space behind a colon; the settings above are split at spaces.
    fileprivate var spaced: String {
        guard let sign = firstIndex(of: "="), self[sign...].contains("{") else { return self }
        return String(self[...sign]) + self[index(after: sign)...].split(separator: ":").joined(separator: ": ")
    }
}
