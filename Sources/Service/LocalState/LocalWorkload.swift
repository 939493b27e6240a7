import Primitives
import Schema
import YAML

/// Words of the document and what they stand for.
enum LocalWords {
    static let statuses: KeyValuePairs<String, WorkloadStatus> = ["Healthy": .healthy, "Unhealthy": .unhealthy]
    static let tunnels: KeyValuePairs<String, TunnelProtocol> = ["TCP": .none, "HBONE": .hbone]
    static let networkModes: KeyValuePairs<String, NetworkMode> = ["Standard": .standard, "HostNetwork": .hostNetwork]
    static let workloadTypes: KeyValuePairs<String, WorkloadType> = [
        "deployment": .deployment, "cronjob": .cronJob, "pod": .pod, "job": .job,
    ]
    static let applicationTunnels: KeyValuePairs<String, ApplicationTunnel.Tunnel> = ["NONE": .none, "PROXY": .proxy]
}

extension Workload {
    private static let keys: Set = [
        "uid", "name", "namespace", "serviceAccount", "trustDomain", "workloadIps", "protocol", "network", "node",
        "workloadName", "workloadType", "canonicalName", "canonicalRevision", "clusterId", "status", "networkMode",
        "capacity", "authorizationPolicies", "waypoint", "networkGateway", "applicationTunnel", "locality", "services",
        "hostname", "nativeTunnel",
    ]

    /// A workload as a local document has it.
    init(local value: YAMLValue) throws(YAMLError) {
        self.init()
        try value.allowOnly(Self.keys)
        uid = try value.required("uid")
        name = try value.string(at: "name") ?? ""
        namespace = try value.string(at: "namespace") ?? ""
        serviceAccount = try value.string(at: "serviceAccount") ?? ""
        trustDomain = try value.string(at: "trustDomain") ?? ""
        for element in try value.elements(at: "workloadIps") { addresses.append(try element.address().bytes) }
        network = try value.string(at: "network") ?? ""
        node = try value.string(at: "node") ?? ""
        hostname = try value.string(at: "hostname") ?? ""
        workloadName = try value.string(at: "workloadName") ?? ""
        canonicalName = try value.string(at: "canonicalName") ?? ""
        canonicalRevision = try value.string(at: "canonicalRevision") ?? ""
        clusterID = try value.string(at: "clusterId") ?? ""
        try readWords(value)
        nativeTunnel = try value.bool(at: "nativeTunnel") ?? false
        if let count = try value.integer(at: "capacity", in: 0...Int(UInt32.max)) {
            capacity = UInt32Value(UInt32(count))
        }
        authorizationPolicies = try value.stringList(at: "authorizationPolicies")
        waypoint = try value.member("waypoint")?.gateway()
        networkGateway = try value.member("networkGateway")?.gateway()
        try readParts(value)
    }

    private mutating func readWords(_ value: YAMLValue) throws(YAMLError) {
        tunnelProtocol = try value.choice(at: "protocol", LocalWords.tunnels) ?? .none
        status = try value.choice(at: "status", LocalWords.statuses) ?? .healthy
        networkMode = try value.choice(at: "networkMode", LocalWords.networkModes) ?? .standard
        workloadType = try value.choice(at: "workloadType", LocalWords.workloadTypes) ?? .deployment
    }

    private mutating func readParts(_ value: YAMLValue) throws(YAMLError) {
        if let tunnel = try value.member("applicationTunnel") {
            try tunnel.allowOnly(["protocol", "port"])
            var parsed = ApplicationTunnel()
            parsed.tunnelProtocol = try tunnel.choice(at: "protocol", LocalWords.applicationTunnels) ?? .none
            parsed.port = UInt32(try tunnel.integer(at: "port", in: 0...65_535) ?? 0)
            applicationTunnel = parsed
        }
        if let place = try value.member("locality") {
            try place.allowOnly(["region", "zone", "subzone"])
            var parsed = Locality()
            parsed.region = try place.string(at: "region") ?? ""
            parsed.zone = try place.string(at: "zone") ?? ""
            parsed.subzone = try place.string(at: "subzone") ?? ""
            locality = parsed
        }
        for entry in try value.member("services")?.mapping() ?? [] {
            guard entry.key.contains("/") else {
                throw YAMLError(line: entry.value.line, reason: "\(entry.key) is not namespace/hostname")
            }
            var ports = PortList()
            ports.ports = try entry.value.ports()
            services[entry.key] = ports
        }
    }
}
