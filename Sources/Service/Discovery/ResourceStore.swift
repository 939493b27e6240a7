import Identity
public import Mesh
import Policy
public import Schema

/// The client's half of the delta protocol without its transport: takes responses, keeps the state and what the server
/// needs to know of it, and makes the requests.
public struct ResourceStore {
    /// What became of a response.
    public struct Outcome {
        public let update: DiscoveryUpdate
        /// The acknowledgement, or the refusal with its reasons.
        public let reply: DeltaDiscoveryRequest
        /// How many bytes its resources had.
        public let byteCount: Int
        /// Under which names addresses came and went, on demand.
        let present: [String]
        let removed: [String]
    }

    public private(set) var state: MeshState
    private let node: Schema.Node
    /// Whether addresses come only as they are asked for.
    let isOnDemand: Bool
    private var folding = ResourceFolding()
    /// By type, the version of each resource that the state holds.
    private var versions: [ResourceType: [String: String]] = [:]
    /// Types of which a response was taken without a complaint.
    private var acceptedTypes: Set<ResourceType> = []

    public init(settings: MeshSettings, node: Schema.Node, isOnDemand: Bool = false) {
        state = MeshState(settings: settings)
        self.node = node
        self.isOnDemand = isOnDemand
    }

    /// Whether the first state is complete: a response was accepted of each type that comes unasked. Never becomes
    /// false again.
    public var isReady: Bool {
        ResourceType.allCases.allSatisfy { isOnDemand && $0 == .address || acceptedTypes.contains($0) }
    }

    /// The first requests of a stream, in order: all resources of each type, but for those held already. On demand that
    /// is no address, but for those held already and the `pending` names.
    public func subscriptions(awaiting pending: Set<String> = []) -> [DeltaDiscoveryRequest] {
        ResourceType.allCases.map { type in
            var request = DeltaDiscoveryRequest()
            request.node = node
            request.typeURL = type.typeURL
            request.initialResourceVersions = versions[type] ?? [:]
            guard isOnDemand, type == .address else { return request }
            // ztunnel's way to say: nothing yet.
            request.resourceNamesSubscribe = ["*"]
            request.resourceNamesUnsubscribe = ["*"]
            for name in pending where versions[type]?[name] == nil { request.initialResourceVersions[name] = "" }
            return request
        }
    }

    /// Asks for addresses by name.
    func request(for names: [String]) -> DeltaDiscoveryRequest {
        var request = DeltaDiscoveryRequest()
        request.typeURL = ResourceType.address.typeURL
        request.resourceNamesSubscribe = names
        return request
    }

    /// Applies a response: updates in their order, then removals. Resources that are refused leave the state as it was,
    /// and the others apply all the same.
    public mutating func apply(_ response: some DeltaResponse) -> Outcome {
        var reply = DeltaDiscoveryRequest()
        reply.typeURL = response.typeURL
        reply.responseNonce = response.nonce
        guard let type = ResourceType(typeURL: response.typeURL) else {
            return Outcome(
                update: DiscoveryUpdate(state: state), reply: reply, byteCount: 0, present: [], removed: [])
        }
        var changes = Changes()
        let complaints = fold(response, type, &changes) { store, resource in
            store.versions[type, default: [:]][resource.name] = resource.version
        }
        for name in response.removedResources {
            remove(name, of: type, &changes)
            versions[type]?[name] = nil
        }
        if complaints.isEmpty {
            acceptedTypes.insert(type)
        } else {
            var detail = Schema.Status()
            detail.message = complaints.joined(separator: "; ")
            reply.errorDetail = detail
        }
        return Outcome(
            update: changes.update(of: state), reply: reply, byteCount: changes.byteCount, present: changes.names,
            removed: isOnDemand && type == .address ? response.removedResources : [])
    }

    /// Applies what comes from elsewhere than the server in the same way. The server hears nothing of it, and what it
    /// has sent stays when the other source no longer has it.
    /// - Returns: what changed, and why some of it was refused.
    public mutating func applyLocal(
        _ response: DeltaDiscoveryResponse
    ) -> (update: DiscoveryUpdate, complaints: [String]) {
        guard let type = ResourceType(typeURL: response.typeURL) else { return (DiscoveryUpdate(state: state), []) }
        var changes = Changes()
        let complaints = fold(response, type, &changes) { _, _ in }
        for name in response.removedResources where versions[type]?[name] == nil { remove(name, of: type, &changes) }
        return (changes.update(of: state), complaints)
    }

    /// Takes the resources in that are understood; says why of the others.
    private mutating func fold(
        _ response: some DeltaResponse, _ type: ResourceType, _ changes: inout Changes,
        taken: (inout ResourceStore, Resource) -> Void
    ) -> [String] {
        var complaints: [String] = []
        for index in 0..<response.resourceCount {
            var resource: Resource
            do {
                resource = try response.resource(at: index)
            } catch {
                complaints.append("resource \(index): \(ResourceFlaw.undecodable(error))")
                continue
            }
            changes.byteCount += resource.resource?.value.count ?? 0
            if isOnDemand, type == .address { changes.names += [resource.name] + resource.aliases }
            resource.name = heldName(resource.name, of: type)
            do throws(ResourceFlaw) {
                try insert(resource, of: type, &changes)
                taken(&self, resource)
            } catch {
                complaints.append("\(resource.name): \(error)")
            }
        }
        return complaints
    }

    /// The name of a resource, as the copy that is held already, if one is: a workload's is kept in several places.
    private func heldName(_ name: String, of type: ResourceType) -> String {
        guard let versions = versions[type], let index = versions.index(forKey: name) else { return name }
        return versions.keys[index]
    }

    private mutating func insert(
        _ resource: Resource, of type: ResourceType, _ changes: inout Changes
    ) throws(ResourceFlaw) {
        let bytes = resource.resource?.value ?? []
        switch type {
        case .address:
            switch try folding.address(bytes, named: resource.name) {
            case .workload(let workload):
                changes.note(leaving: state.workload(uid: workload.uid), in: state)
                state.insert(workload)
                if state.isLocal(workload) { changes.local[workload.uid] = workload }
            case .service(let service): state.insert(service)
            }
        case .authorization:
            do throws(ResourceFlaw) {
                state.policies.insert(try PolicyFolding.policy(bytes))
            } catch {
                refuse(for: resource, error)
                changes.havePoliciesChanged = true
                throw error
            }
            changes.havePoliciesChanged = true
        }
    }

    /// The last good version of a policy stays in force; where there is none, nobody gets past what is not understood.
    private mutating func refuse(for resource: Resource, _ flaw: ResourceFlaw) {
        guard state.policies[resource.name] == nil else { return }
        let bytes = resource.resource?.value ?? []
        guard let refusal = PolicyFolding.refusal(named: resource.name, bytes, flaw) else { return }
        state.policies.insert(refusal)
    }

    private mutating func remove(_ name: String, of type: ResourceType, _ changes: inout Changes) {
        switch type {
        case .address:
            let name = versions[type]?[name] == nil ? name : state.primaryName(of: name)
            changes.note(leaving: state.workload(uid: name), in: state)
            changes.local[name] = nil
            state.removeAddress(named: name)
        case .authorization:
            if state.policies.remove(key: name) { changes.havePoliciesChanged = true }
        }
    }

    /// What a response changes about this node.
    private struct Changes {
        var havePoliciesChanged = false
        var local: [String: Mesh.Workload] = [:]
        var byteCount = 0
        var names: [String] = []
        private var leavingAccounts: Set<ServiceAccountName> = []

        mutating func note(leaving workload: Mesh.Workload?, in state: MeshState) {
            if let workload, state.isLocal(workload) { leavingAccounts.insert(workload.account) }
        }

        func update(of state: MeshState) -> DiscoveryUpdate {
            var update = DiscoveryUpdate(state: state)
            update.havePoliciesChanged = havePoliciesChanged
            update.localWorkloads = local.values.sorted { $0.uid < $1.uid }
            update.departedAccounts = leavingAccounts.filter { !state.hasLocalWorkload(of: $0) }
            return update
        }
    }
}
