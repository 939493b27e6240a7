import Identity
import Mesh
import Policy
import Primitives
import Schema
import Wire

/// Workloads, services and policies in ztunnel's keys and words.
extension JSONWriter {
    mutating func write(_ workload: Mesh.Workload) {
        object { json in
            json.array("workloadIps", workload.addresses) { $0.string($1.description) }
            if let waypoint = workload.waypoint { json.object("waypoint") { $0.write(waypoint) } }
            if let gateway = workload.networkGateway { json.object("networkGateway") { $0.write(gateway) } }
            json.member("protocol", workload.tunnelProtocol == .hbone ? "HBONE" : "TCP")
            json.member("networkMode", workload.usesHostNetwork ? "HostNetwork" : "Standard")
            json.member(unlessEmpty: "uid", workload.uid)
            json.member("name", workload.name)
            json.member("namespace", workload.namespace)
            json.member(unlessEmpty: "trustDomain", workload.trustDomain)
            json.member(unlessEmpty: "serviceAccount", workload.serviceAccount)
            json.member(unlessEmpty: "network", workload.network)
            json.member(unlessEmpty: "workloadName", workload.workloadName)
            json.member("workloadType", workload.workloadType.rawValue)
            json.member(unlessEmpty: "canonicalName", workload.canonicalName)
            json.member(unlessEmpty: "canonicalRevision", workload.canonicalRevision)
            json.member(unlessEmpty: "hostname", workload.hostname)
            json.member(unlessEmpty: "node", workload.node)
            if workload.hasNativeTunnel { json.member("nativeTunnel", true) }
            if let tunnel = workload.applicationTunnel {
                json.object("applicationTunnel") { json in
                    json.member("protocol", tunnel.usesProxyProtocol ? "PROXY" : "NONE")
                    if let port = tunnel.port { json.member("port", port) }
                }
            }
            if !workload.authorizationPolicies.isEmpty {
                json.array("authorizationPolicies", workload.authorizationPolicies) { $0.string($1) }
            }
            json.member("status", workload.status.text)
            json.member("clusterId", workload.cluster)
            if workload.locality != Mesh.Locality() { json.object("locality") { $0.write(workload.locality) } }
            if !workload.services.isEmpty {
                json.array("services", workload.services) { $0.string($1.service.description) }
            }
            json.member("capacity", workload.capacity)
        }
    }

    private mutating func write(_ locality: Mesh.Locality) {
        member("region", locality.region)
        member("zone", locality.zone)
        member("subzone", locality.subzone)
    }

    private mutating func write(_ gateway: Mesh.GatewayAddress) {
        switch gateway {
        case .address(let address, _): member("destination", address.description)
        case .hostname(let name, _): member("destination", name.description)
        }
        member("hboneMtlsPort", gateway.port)
    }

    mutating func write(_ service: Mesh.Service, endpoints: [ServiceEndpoint]) {
        object { json in
            json.member("name", service.name)
            json.member("namespace", service.namespace)
            json.member("hostname", service.hostname)
            json.array("vips", service.addresses) { $0.string($1.description) }
            if !service.prefixes.isEmpty {
                json.array("cidrVips", service.prefixes) { json, prefix in
                    json.object { json in
                        json.member("network", prefix.network)
                        json.member("cidr", prefix.prefix.description)
                    }
                }
            }
            json.object("ports") { $0.write(service.ports) }
            json.object("endpoints") { $0.write(endpoints, of: service) }
            json.array("subjectAltNames", service.subjectAltNames) { $0.string($1) }
            if let waypoint = service.waypoint { json.object("waypoint") { $0.write(waypoint) } }
            if !service.weightedWaypoints.isEmpty {
                json.array("weightedWaypoints", service.weightedWaypoints) { json, weighted in
                    json.object { json in
                        json.object("destination") { $0.write(weighted.waypoint) }
                        json.member("weight", weighted.weight)
                    }
                }
            }
            if let balancing = service.loadBalancing { json.object("loadBalancer") { $0.write(balancing) } }
            if let families = service.ipFamilies.text { json.member("ipFamilies", families) }
            json.member("canonical", service.isCanonical)
            json.member("visibility", service.visibility == .everyone ? "Public" : "Namespace")
        }
    }

    private mutating func write(_ ports: PortMap) {
        for pair in ports.pairs { member(String(pair.service), pair.target) }
    }

    private mutating func write(_ balancing: Mesh.LoadBalancing) {
        array("routingPreferences", balancing.preferences) { $0.string($1.text) }
        member("mode", balancing.mode.text)
        member("healthPolicy", balancing.healthPolicy == .allowAll ? "AllowAll" : "OnlyHealthy")
    }

    /// Endpoints by uid; of a service that is not known only the ports are that they name themselves.
    mutating func write(_ endpoints: [ServiceEndpoint], of service: Mesh.Service?) {
        for endpoint in endpoints.sorted(by: { $0.workload.uid < $1.workload.uid }) {
            var ports = service?.ports ?? PortMap()
            for pair in endpoint.ports.pairs { ports[pair.service] = pair.target }
            object(endpoint.workload.uid) { json in
                json.member("workloadUid", endpoint.workload.uid)
                json.object("port") { $0.write(ports) }
                json.member("status", endpoint.workload.status.text)
            }
        }
    }

    mutating func write(_ policy: AuthorizationPolicy) {
        object { json in
            json.member("name", policy.name)
            json.member("namespace", policy.namespace)
            json.member("scope", policy.scope.text)
            json.member("action", policy.action == .allow ? "Allow" : "Deny")
            let rules = (0..<policy.rules.count).map(policy.rules.rule)
            json.array("rules", rules) { json, rule in
                json.beginArray()
                for clause in rule.clauses {
                    json.beginArray()
                    for match in clause { json.object { $0.write(match) } }
                    json.endArray()
                }
                json.endArray()
            }
            // What was not understood refuses; ztunnel has no word for it.
            let flaws = rules.compactMap(\.flaw)
            if !flaws.isEmpty { json.array("flaws", flaws) { $0.string($1) } }
            json.member("dryRun", policy.isDryRun)
        }
    }

    private mutating func write(_ match: PolicyMatch) {
        write("namespaces", "notNamespaces", match.namespaces) { $0.write($1) }
        write("serviceAccounts", "notServiceAccounts", match.serviceAccounts) { json, account in
            json.object { json in
                json.member("namespace", account.namespace)
                json.member("serviceAccount", account.serviceAccount)
            }
        }
        write("principals", "notPrincipals", match.principals) { $0.write($1) }
        write("sourceIps", "notSourceIps", match.sources) { $0.string($1.description) }
        write("destinationIps", "notDestinationIps", match.destinations) { $0.string($1.description) }
        write("destinationPorts", "notDestinationPorts", match.destinationPorts) { $0.token(String($1)) }
    }

    private mutating func write<Element>(
        _ anyOf: String, _ noneOf: String, _ condition: PolicyMatch.Condition<Element>,
        _ body: (inout JSONWriter, Element) -> Void
    ) {
        if !condition.anyOf.isEmpty { array(anyOf, condition.anyOf, body) }
        if !condition.noneOf.isEmpty { array(noneOf, condition.noneOf, body) }
    }

    private mutating func write(_ pattern: Policy.StringMatch) {
        object { json in
            switch pattern {
            case .exact(let text): json.member("Exact", text)
            case .prefix(let text): json.member("Prefix", text)
            case .suffix(let text): json.member("Suffix", text)
            case .presence: json.array("Presence", [String]()) { $0.string($1) }
            }
        }
    }
}

extension Mesh.Workload.Status {
    fileprivate var text: String { self == .healthy ? "Healthy" : "Unhealthy" }
}

extension Mesh.Service.IPFamilies {
    fileprivate var text: String? {
        switch self {
        case .automatic: nil
        case .v4Only: "IPv4"
        case .v6Only: "IPv6"
        case .dual: "Dual"
        }
    }
}

extension Mesh.LoadBalancing.Mode {
    fileprivate var text: String {
        switch self {
        case .standard: "Standard"
        case .strict: "Strict"
        case .failover: "Failover"
        case .passthrough: "Passthrough"
        }
    }
}

extension Mesh.LoadBalancing.Scope {
    fileprivate var text: String {
        switch self {
        case .region: "Region"
        case .zone: "Zone"
        case .subzone: "Subzone"
        case .node: "Node"
        case .cluster: "Cluster"
        case .network: "Network"
        }
    }
}

extension AuthorizationPolicy.Scope {
    fileprivate var text: String {
        switch self {
        case .global: "Global"
        case .namespace: "Namespace"
        case .workloadSelector: "WorkloadSelector"
        }
    }
}
