import Certificates
import Mesh
import Policy
import Primitives
import Schema

/// Everything that the node knows at one moment, as ztunnel's `/config_dump` shows it: `istioctl ztunnel-config` and
/// Kiali read it. It is a value, so that any thread can write it out.
struct ConfigDump: Sendable {
    /// One pod's proxy.
    struct Pod: Sendable {
        let uid: String
        let name: WorkloadName
        /// False for a pod that is still to be started.
        let isUp: Bool
        var connections = ConnectionList()
    }

    /// Where an identity stands, without its key.
    struct Identity: Sendable {
        let name: String
        /// As ztunnel says it.
        let state: String
        var chain: [CertificateSummary] = []
        var roots: [CertificateSummary] = []
    }

    /// What readiness waits for.
    let pending: [String]
    let configuration: NodeConfiguration
    let state: MeshState
    let identities: [Identity]
    let pods: [Pod]
    /// How the first load goes, and what came after it.
    let progress: DiscoveryProgress

    /// The dump as JSON for people to read.
    func json() -> [UInt8] {
        var json = JSONWriter(isPretty: true)
        json.object { json in
            json.array("certificates", identities) { $0.write($1) }
            json.key("config")
            json.write(configuration)
            json.object("discovery") { $0.write(progress, pending: pending) }
            json.array("policies", state.policies.all.sorted { $0.key < $1.key }) { $0.write($1) }
            let services = state.allServices.sorted { ($0.hostname, $0.namespace) < ($1.hostname, $1.namespace) }
            json.array("services", services) { $0.write($1, endpoints: state.endpoints(of: $1)) }
            let staged = state.stagedEndpoints.map { (key: $0.description, endpoints: $1) }
            json.object("stagedServices") { json in
                for (key, endpoints) in staged.sorted(by: { $0.key < $1.key }) {
                    json.object(key) { $0.write(endpoints, of: nil) }
                }
            }
            // What the operator has written down is among the rest.
            json.object("staticConfig") { json in
                for key in ["policies", "services", "workloads"] { json.array(key, [String]()) { $0.string($1) } }
            }
            json.object("version") { $0.writeVersion(configuration) }
            json.object("workloadState") { json in
                for pod in pods.sorted(by: { $0.uid < $1.uid }) { json.object(pod.uid) { $0.write(pod) } }
            }
            json.array("workloads", state.allWorkloads.sorted { $0.uid < $1.uid }) { $0.write($1) }
        }
        return json.utf8
    }
}

/// The connections of one pod.
struct ConnectionList: Sendable {
    var inbound: [ConnectionSummary] = []
    var outbound: [ConnectionSummary] = []

    mutating func merge(_ other: ConnectionList) {
        inbound += other.inbound
        outbound += other.outbound
    }
}

/// One open connection.
struct ConnectionSummary: Sendable {
    let source: Endpoint
    let originalDestination: String?
    let actualDestination: Endpoint
    let kind: String
}

/// How discovery stands.
struct DiscoveryProgress: Sendable {
    var isFirstLoadComplete = false
    var isConnected = false
    /// Responses so far, by the type of their resources, and their bytes.
    var messages: [String: UInt64] = [:]
    var messageBytes: [String: UInt64] = [:]
    var workloads = 0
    var services = 0
    var policies = 0
}

extension JSONWriter {
    /// Writes an object whose members `body` writes.
    mutating func object(_ body: (inout JSONWriter) -> Void) {
        beginObject()
        body(&self)
        endObject()
    }

    /// Writes a member that is an object.
    mutating func object(_ key: String, _ body: (inout JSONWriter) -> Void) {
        self.key(key)
        object(body)
    }

    /// Writes a member that is an array.
    mutating func array<Element>(
        _ key: String, _ elements: some Sequence<Element>, _ body: (inout JSONWriter, Element) -> Void
    ) {
        self.key(key)
        beginArray()
        for element in elements { body(&self, element) }
        endArray()
    }

    /// Writes a member that is a text.
    mutating func member(_ key: String, _ value: String) {
        self.key(key)
        string(value)
    }

    /// Writes a member that is a text, or null.
    mutating func member(_ key: String, orNull value: String?) {
        self.key(key)
        if let value { string(value) } else { token("null") }
    }

    /// Writes a member that is a text, unless that is empty.
    mutating func member(unlessEmpty key: String, _ value: String) {
        if !value.isEmpty { member(key, value) }
    }

    /// Writes a member that is a number.
    mutating func member(_ key: String, _ value: some BinaryInteger) {
        self.key(key)
        token(value.description)
    }

    /// Writes a member that is true or false.
    mutating func member(_ key: String, _ value: Bool) {
        self.key(key)
        token(value ? "true" : "false")
    }
}
