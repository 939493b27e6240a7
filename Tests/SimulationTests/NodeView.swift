import Identity
import Mesh
import Policy
import Primitives

/// What a node is told, one at a time and perhaps late.
enum MeshUpdate {
    case workload(Workload)
    case service(Service)
    case removed(String)
    case policy(PolicyModel)
    case policyRemoved(String)
}

/// What one node knows of the mesh: the real state, and beside it the plainest model of the same, by which every answer
/// is judged.
struct NodeView {
    private(set) var state = MeshState(settings: MeshSettings())
    /// In the order in which they were told.
    private(set) var workloads: [Workload] = []
    private(set) var services: [NamespacedHostname: Service] = [:]
    private(set) var policies: [String: PolicyModel] = [:]

    mutating func apply(_ update: MeshUpdate) {
        switch update {
        case .workload(let workload):
            state.insert(workload)
            workloads.removeAll { $0.uid == workload.uid }
            workloads.append(workload)
        case .service(let service):
            state.insert(service)
            services[service.key] = service
        case .removed(let name):
            state.removeAddress(named: name)
            workloads.removeAll { $0.uid == name }
            if let key = NamespacedHostname(name) { services[key] = nil }
        case .policy(let model):
            state.policies.insert(model.policy)
            policies[model.key] = model
        case .policyRemoved(let key):
            state.policies.remove(key: key)
            policies[key] = nil
        }
    }

    func workload(uid: String) -> Workload? { workloads.last { $0.uid == uid } }

    /// Uids of the workloads that a connection to `destination` may be for, as far as this node knows.
    func candidates(for destination: Endpoint) -> Set<String> {
        if let owner = workloads.last(where: { $0.addresses.contains(destination.address) }) { return [owner.uid] }
        let service = services.values.first { service in
            service.addresses.contains { $0.address == destination.address }
        }
        guard let service, service.ports[destination.port] != nil else { return [] }
        return Set(
            workloads.filter { $0.status == .healthy && $0.ports(for: service.key) != nil }.map(\.uid))
    }

    /// Whether `identity` may call the workload.
    func allows(_ identity: SPIFFEID, _ workload: Workload, port: UInt16) -> Bool {
        PolicyModel.allow(
            identity, port: port, namespace: workload.namespace, references: workload.authorizationPolicies, policies)
    }
}
