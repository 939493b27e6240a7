import Identity
import Mesh
import Telemetry
import Wire

/// The labels of one kind of traffic, written out once; only how connections ended differs.
struct TrafficLabels: Hashable, Sendable {
    private let bytes: [UInt8]
    /// Where the value of `response_flags` belongs.
    private let flagPosition: Int

    /// With that value.
    func with(_ flag: ResponseFlag) -> [UInt8] {
        var labels = bytes
        labels.insert(contentsOf: flag.text.utf8, at: flagPosition)
        return labels
    }

    /// Those of a connection, in ztunnel's order.
    init(_ record: borrowing ConnectionRecord) {
        let (caller, callee) = (record.caller, record.callee)
        let (source, destination) = (Facts(caller), Facts(callee))
        var labels = MetricLabels()
        labels.append("reporter", record.direction.reporter.rawValue)
        labels.append(source, EndLabels.source, principal: caller.principal)
        labels.append("destination_service", record.service?.hostname ?? "")
        labels.append("destination_service_namespace", record.service?.namespace ?? "")
        labels.append("destination_service_name", record.service?.name ?? "")
        labels.append(
            destination, EndLabels.destination, principal: callee.principal ?? callee.workload?.identity.description)
        flagPosition = labels.appendEnding(isMutualTLS: record.isTunnelled)
        if source.isKnown || destination.isKnown {
            labels.append("source_region", source.region)
            labels.append("source_zone", source.zone)
            labels.append("destination_region", destination.region)
            labels.append("destination_zone", destination.zone)
        }
        bytes = labels.bytes
    }

    /// Those of all traffic of which there are too many kinds.
    init(overflowOf reporter: Reporter) {
        let facts = Facts(overflow: "overflow")
        var labels = MetricLabels()
        labels.append("reporter", reporter.rawValue)
        labels.append(facts, EndLabels.source, principal: facts.name)
        labels.append("destination_service", facts.name)
        labels.append("destination_service_namespace", facts.name)
        labels.append("destination_service_name", facts.name)
        labels.append(facts, EndLabels.destination, principal: facts.name)
        flagPosition = labels.appendEnding(isMutualTLS: false)
        bytes = labels.bytes
    }
}

/// Which end of a connection counts it.
enum Reporter: String, CaseIterable, Sendable {
    case source
    case destination
}

/// What is known of one end.
private struct Facts {
    var name = ""
    var canonicalName = ""
    var canonicalRevision = ""
    var namespace = ""
    var app = ""
    var cluster = ""
    var region = ""
    var zone = ""
    let isKnown: Bool

    init(_ party: Party) {
        if let workload = party.workload {
            (name, namespace, cluster) = (workload.workloadName, workload.namespace, workload.cluster)
            (canonicalName, canonicalRevision) = (workload.canonicalName, workload.canonicalRevision)
            (region, zone) = (workload.locality.region, workload.locality.zone)
            app = canonicalName
        }
        // What it says of itself is said where the mesh does not know it better.
        if let baggage = party.described?.baggage {
            (name, namespace, cluster) = (baggage.workloadName, baggage.namespace, baggage.cluster)
            (canonicalName, canonicalRevision) = (baggage.canonicalName, baggage.canonicalRevision)
            (region, zone) = (baggage.region, baggage.zone)
            app = name
        }
        isKnown = party.workload != nil || party.described != nil
    }

    init(overflow: String) {
        (name, canonicalName, canonicalRevision, namespace) = (overflow, overflow, overflow, overflow)
        (app, cluster, isKnown) = (overflow, overflow, false)
    }
}

/// The names of the labels of one end, in the order of `append`.
private enum EndLabels {
    static let source: [StaticString] = [
        "source_workload", "source_canonical_service", "source_canonical_revision", "source_workload_namespace",
        "source_principal", "source_app", "source_version", "source_cluster",
    ]
    static let destination: [StaticString] = [
        "destination_workload", "destination_canonical_service", "destination_canonical_revision",
        "destination_workload_namespace", "destination_principal", "destination_app", "destination_version",
        "destination_cluster",
    ]
}

extension MetricLabels {
    /// Those of a lookup of a destination that has a name only.
    init(lookupOf hostname: String, by workload: Workload) {
        self.init()
        let caller = Party(workload: workload, proof: .workload)
        append(Facts(caller), EndLabels.source, principal: caller.principal)
        append("hostname", hostname)
    }

    fileprivate mutating func append(_ facts: Facts, _ names: [StaticString], principal: String?) {
        let values = [
            facts.name, facts.canonicalName, facts.canonicalRevision, facts.namespace, principal ?? "", facts.app,
            facts.canonicalRevision, facts.cluster,
        ]
        for (name, value) in zip(names, values) { append(name, value) }
    }

    /// Adds the labels that speak of the connection.
    /// - Returns: where the value of `response_flags` belongs.
    fileprivate mutating func appendEnding(isMutualTLS: Bool) -> Int {
        append("request_protocol", "tcp")
        let position = appendOpen("response_flags")
        append("connection_security_policy", isMutualTLS ? "mutual_tls" : "unknown")
        return position
    }
}
