import Primitives
import Schema
import YAML

extension LocalWords {
    static let modes: KeyValuePairs<String, LoadBalancing.Mode> = [
        "Standard": .unspecified, "Strict": .strict, "Failover": .failover, "Passthrough": .passthrough,
    ]
    static let scopes: KeyValuePairs<String, LoadBalancing.Scope> = [
        "Region": .region, "Zone": .zone, "Subzone": .subzone, "Node": .node, "Cluster": .cluster, "Network": .network,
    ]
    static let healthPolicies: KeyValuePairs<String, LoadBalancing.HealthPolicy> = [
        "OnlyHealthy": .onlyHealthy, "AllowAll": .allowAll,
    ]
    static let families: KeyValuePairs<String, IPFamilies> = [
        "Dual": .dual, "IPv4": .ipv4Only, "IPv6": .ipv6Only,
    ]
    static let visibilities: KeyValuePairs<String, Service.Visibility> = [
        "Public": .everywhere, "Namespace": .namespace,
    ]
}

extension Service {
    private static let keys: Set = [
        "name", "namespace", "hostname", "vips", "cidrVips", "ports", "endpoints", "subjectAltNames", "waypoint",
        "weightedWaypoints", "loadBalancer", "ipFamilies", "canonical", "visibility",
    ]

    /// A service as a local document has it, but for its endpoints.
    init(local value: YAMLValue) throws(YAMLError) {
        self.init()
        try value.allowOnly(Self.keys)
        name = try value.string(at: "name") ?? ""
        namespace = try value.required("namespace")
        hostname = try value.required("hostname")
        for element in try value.elements(at: "vips") { addresses.append(try element.networkAddress()) }
        for element in try value.elements(at: "cidrVips") {
            try element.allowOnly(["network", "cidr"])
            let prefix = try IPPrefix.parsed(try element.required("cidr"), line: element.line)
            var address = NetworkAddress()
            address.network = try element.string(at: "network") ?? ""
            address.address = prefix.address.bytes
            address.length = UInt32(prefix.length)
            addresses.append(address)
        }
        ports = try value.ports(at: "ports")
        subjectAltNames = try value.stringList(at: "subjectAltNames")
        canonical = try value.bool(at: "canonical") ?? false
        visibility = try value.choice(at: "visibility", LocalWords.visibilities) ?? .everywhere
        ipFamilies = try value.choice(at: "ipFamilies", LocalWords.families) ?? .automatic
        waypoint = try value.member("waypoint")?.gateway()
        for element in try value.elements(at: "weightedWaypoints") {
            try element.allowOnly(["destination", "weight"])
            var weighted = WeightedWaypoint()
            weighted.destination = try element.member("destination")?.gateway()
            weighted.weight = UInt32(try element.integer(at: "weight", in: 0...Int(UInt32.max)) ?? 0)
            weightedWaypoints.append(weighted)
        }
        loadBalancing = try value.member("loadBalancer").map { value throws(YAMLError) in
            try LoadBalancing(local: value)
        }
    }
}

extension LoadBalancing {
    fileprivate init(local value: YAMLValue) throws(YAMLError) {
        self.init()
        try value.allowOnly(["routingPreferences", "mode", "healthPolicy"])
        for element in try value.elements(at: "routingPreferences") {
            routingPreference.append(try element.choice(of: LocalWords.scopes))
        }
        mode = try value.choice(at: "mode", LocalWords.modes) ?? .unspecified
        healthPolicy = try value.choice(at: "healthPolicy", LocalWords.healthPolicies) ?? .onlyHealthy
    }
}
