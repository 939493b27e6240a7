import Interception
import Primitives
import Testing

@Suite struct AgentSettingsTests {
    private let words = ["--manifests", "/m", "--node", "one"]

    @Test func `defaults hold unless said otherwise`() throws {
        let settings = try AgentSettings(arguments: words, environment: [:])
        #expect(settings.manifests == "/m" && settings.node == "one")
        #expect(settings.socketPath == "/var/run/ztunnel/ztunnel.sock")
        #expect(!settings.capturesDNS && settings.reconciles && settings.families == [.v4, .v6])
        #expect(settings.probeSource == .standard)
    }

    @Test func `the environment changes them`() throws {
        let settings = try AgentSettings(
            arguments: words + ["--socket", "/s"],
            environment: [
                "AMBIENT_DNS_CAPTURE": "true", "IPV6_ENABLED": "false", "HOST_PROBE_SNAT_IP": "169.254.1.1",
                "AMBIENT_RECONCILE_POD_RULES_ON_STARTUP": "false",
            ])
        #expect(settings.capturesDNS && !settings.reconciles && settings.families == [.v4])
        #expect(settings.socketPath == "/s" && settings.probeSource[.v4] == IPAddress("169.254.1.1"))
    }

    @Test(
        arguments: [
            (["--node", "one"], [:]), (["--manifests", "/m"], [:]), (["--manifests"], [:]), (["--what", "x"], [:]),
            (["--manifests", "/m", "--node", "one"], ["AMBIENT_DNS_CAPTURE": "maybe"]),
            (["--manifests", "/m", "--node", "one"], ["HOST_PROBE_SNAT_IP": "::1"]),
            (["--manifests", "/m", "--node", "one"], ["HOST_PROBE_SNAT_IPV6": "x"]),
        ] as [([String], [String: String])])
    func `what makes no sense is refused`(words: [String], environment: [String: String]) {
        #expect(throws: AgentUsageError.self) { try AgentSettings(arguments: words, environment: environment) }
    }
}
