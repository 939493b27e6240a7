public import Primitives

/// How an agent was started.
public struct AgentSettings: Equatable, Sendable {
    /// The directory of Kubernetes YAML that the pods are taken from.
    public var manifests = ""
    /// The node whose pods are enrolled.
    public var node = ""
    /// Where node proxies connect.
    public var socketPath = "/var/run/ztunnel/ztunnel.sock"
    /// Whether lookups are captured where a pod's annotation says nothing. Off by default: it needs a node proxy that
    /// answers them.
    public var capturesDNS = false
    public var families: [IPAddress.Family] = [.v4, .v6]
    /// Whether rules that differ are replaced.
    public var reconciles = true
    public var probeSource = ProbeSource.standard

    /// From command line and environment.
    public init(arguments: [String], environment: [String: String]) throws(AgentUsageError) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard let value = rest.popFirst() else { throw AgentUsageError("\(word) needs a value") }
            switch word {
            case "--manifests": manifests = value
            case "--node": node = value
            case "--socket": socketPath = value
            default: throw AgentUsageError("unknown argument \(word)")
            }
        }
        if manifests.isEmpty { throw AgentUsageError("--manifests is missing") }
        if node.isEmpty { throw AgentUsageError("--node is missing") }
        capturesDNS = try Self.flag("AMBIENT_DNS_CAPTURE", environment) ?? capturesDNS
        reconciles = try Self.flag("AMBIENT_RECONCILE_POD_RULES_ON_STARTUP", environment) ?? reconciles
        if try Self.flag("IPV6_ENABLED", environment) == false { families = [.v4] }
        let v4 = try Self.address("HOST_PROBE_SNAT_IP", environment) ?? probeSource.v4
        let v6 = try Self.address("HOST_PROBE_SNAT_IPV6", environment) ?? probeSource.v6
        guard let probe = ProbeSource(v4: v4, v6: v6) else {
            throw AgentUsageError("HOST_PROBE_SNAT_IP and HOST_PROBE_SNAT_IPV6 are not of their families")
        }
        probeSource = probe
    }

    private static func flag(
        _ name: String, _ environment: [String: String]
    ) throws(AgentUsageError) -> Bool? {
        switch environment[name] {
        case nil, "": nil
        case "true", "1": true
        case "false", "0": false
        case let text?: throw AgentUsageError("\(name)=\(text) is neither true nor false")
        }
    }

    private static func address(
        _ name: String, _ environment: [String: String]
    ) throws(AgentUsageError) -> IPAddress? {
        guard let text = environment[name], !text.isEmpty else { return nil }
        guard let address = IPAddress(text) else { throw AgentUsageError("\(name)=\(text) is no IP address") }
        return address
    }
}

/// Why an agent cannot be started as asked.
public struct AgentUsageError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
