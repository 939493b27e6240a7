import Discovery
public import Schema
public import YAML

/// Workloads, services and policies that an operator has written down for a node, as the control plane would send them.
public struct LocalResources: Equatable, Sendable {
    /// Workloads by uid, services by `namespace/hostname`.
    public private(set) var addresses: [String: Address] = [:]
    /// By `namespace/name`.
    public private(set) var authorizations: [String: Authorization] = [:]

    /// Nothing.
    public init() {}

    /// From a document of ztunnel's form.
    /// - Throws: with the line, for keys that are not known and for values that mean nothing.
    public init(yaml text: [UInt8]) throws(YAMLError) {
        guard let document = try YAML.singleDocument(text) else { return }
        try document.allowOnly(["workloads", "services", "policies"])
        var workloads: [String: Workload] = [:]
        for element in try document.elements(at: "workloads") {
            let workload = try Workload(local: element)
            try Self.insert(workload, workload.uid, into: &workloads, element)
        }
        for element in try document.elements(at: "services") {
            let service = try Service(local: element)
            let name = "\(service.namespace)/\(service.hostname)"
            try Self.insert(Address(.service(service)), name, into: &addresses, element)
            try Self.addEndpoints(of: element, name, to: &workloads)
        }
        for element in try document.elements(at: "policies") {
            let policy = try Authorization(local: element)
            try Self.insert(policy, "\(policy.namespace)/\(policy.name)", into: &authorizations, element)
        }
        for (uid, workload) in workloads { addresses[uid] = Address(.workload(workload)) }
    }

    private static func insert<R>(
        _ resource: R, _ name: String, into resources: inout [String: R], _ place: YAMLValue
    ) throws(YAMLError) {
        guard resources.updateValue(resource, forKey: name) == nil else {
            throw YAMLError(line: place.line, reason: "\(name) is here twice")
        }
    }

    /// Endpoints come with their workloads; those that a service lists are added there.
    private static func addEndpoints(
        of service: YAMLValue, _ name: String, to workloads: inout [String: Workload]
    ) throws(YAMLError) {
        for entry in try service.member("endpoints")?.mapping() ?? [] {
            try entry.value.allowOnly(["workloadUid", "port", "status"])
            let uid = try entry.value.string(at: "workloadUid") ?? entry.key
            guard let workload = workloads[uid] else {
                throw YAMLError(line: entry.value.line, reason: "endpoint \(uid) is no workload of this document")
            }
            let status = try entry.value.choice(at: "status", LocalWords.statuses)
            guard status == nil || status == workload.status else {
                throw YAMLError(line: entry.value.line, reason: "the status of \(uid) is another one")
            }
            var ports = PortList()
            ports.ports = try entry.value.ports(at: "port")
            workloads[uid]?.services[name] = ports
        }
    }

    /// The responses that lead from `previous` to this.
    public func responses(since previous: LocalResources) -> [DeltaDiscoveryResponse] {
        [
            Self.response(.address, from: previous.addresses, to: addresses),
            Self.response(.authorization, from: previous.authorizations, to: authorizations),
        ].filter { !$0.resources.isEmpty || !$0.removedResources.isEmpty }
    }

    private static func response<M: ProtobufMessage>(
        _ type: ResourceType, from previous: [String: M], to current: [String: M]
    ) -> DeltaDiscoveryResponse {
        var response = DeltaDiscoveryResponse()
        response.typeURL = type.typeURL
        response.removedResources = previous.keys.filter { current[$0] == nil }.sorted()
        let changed = current.filter { previous[$0.key] != $0.value }.sorted { $0.key < $1.key }
        response.resources = changed.map { name, message in
            var payload = AnyMessage()
            payload.typeURL = type.typeURL
            payload.value = message.protobuf()
            var resource = Resource()
            resource.name = name
            resource.resource = payload
            return resource
        }
        return response
    }
}
